"""No reasoning: the card's settings leave nothing to ask, so a question is a mistake."""

from __future__ import annotations

from alref_local.errors import ConfigError
from alref_local.reason.question import Answer, Question

__all__ = ["NoneBackend"]


class NoneBackend:
    """The backend of the paper's baselines (first, middle or last frame, best-scoring box)."""

    def __init__(self, name: str = "none") -> None:
        self.name = name

    async def ask(self, question: Question) -> Answer:
        """Refuse.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"The backend '{self.name}' cannot answer a {question.step} question.",
            hint="Set pivots.frame and pivots.box so that nothing is asked, or choose another backend.",
        )

    async def close(self) -> None:
        """Nothing to release."""
