"""How far copying and checking have come; silent unless somebody shows it."""

from __future__ import annotations

__all__ = ["Meter"]


class Meter:
    """Is told of one piece of work after another; a subclass may show it."""

    def begin(self, title: str, total: int) -> None:
        """Work on ``total`` bytes begins; what came before is done."""

    def add(self, count: int) -> None:
        """So many bytes more are done."""
