"""How far copying, downloading and checking have come, with the rate, on a terminal; silence anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType

from alref_local.supply.meter import Meter

__all__ = ["BytesMeter"]


class BytesMeter(Meter):
    """A bar on stderr for each piece of work."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._bars.add_task("", visible=False)

    def __enter__(self) -> BytesMeter:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, title: str, total: int) -> None:
        """A new bar in place of the last; without a total (the hub's client shows its own) none."""
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(title, total=total or None, visible=total > 0)

    def add(self, count: int) -> None:
        """Move the bar."""
        self._bars.advance(self._task, count)
