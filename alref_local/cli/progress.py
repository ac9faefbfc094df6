"""Progress on a terminal; silence anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType

from alref_local.events import Event, Listened, Planned, Reasoned, Tracked

__all__ = ["Progress"]


class Progress:
    """Shows a strategy's events as bars on stderr, if that is a terminal."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import Progress as Bars

        self._bars = Bars(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
        self._title = escape(title)
        self._task = self._bars.add_task(f"{self._title}: loading models", total=None)

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

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
