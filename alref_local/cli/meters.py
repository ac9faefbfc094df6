"""How far copying, downloading and checking have come, with the rate, on a terminal; silence anywhere else."""

from __future__ import annotations

from alref_local.cli.bars import Bars
from alref_local.supply.meter import Meter

__all__ = ["BytesMeter"]


class BytesMeter(Bars, Meter):
    """A bar on stderr for each piece of work."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        title = TextColumn("{task.description}", markup=False)
        super().__init__(title, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._task = self._bars.add_task("", visible=False)

    def begin(self, title: str, total: int) -> None:
        """A new bar in place of the last; without a total (the hub's client shows its own) none."""
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(title, total=total or None, visible=total > 0)

    def add(self, count: int) -> None:
        """Move the bar."""
        self._bars.advance(self._task, count)
