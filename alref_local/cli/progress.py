"""Progress on a terminal; silence anywhere else."""

from __future__ import annotations

from alref_local.cli.bars import Bars
from alref_local.events import Event, Listened, Planned, Reasoned, Tracked

__all__ = ["Progress"]


class Progress(Bars):
    """Shows a strategy's events as bars on stderr, if that is a terminal."""

    def __init__(self, title: str) -> None:
        from rich.markup import escape

        super().__init__()
        self._title = escape(title)
        self._task = self._bars.add_task(f"{self._title}: loading models", total=None)

    def tell(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, Listened):
            self._bars.update(self._task, description=f"{self._title}: listening")
        elif isinstance(event, Planned):
            total = len(event.clips) * len(event.queries)
            self._bars.update(
                self._task, description=f"{self._title}: choosing pivots", total=total, completed=0
            )
        elif isinstance(event, Reasoned):
            self._bars.advance(self._task)
        elif isinstance(event, Tracked):
            self._bars.update(
                self._task, description=f"{self._title}: tracking", total=event.total, completed=event.done
            )
