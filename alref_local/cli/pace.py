"""Progress of an evaluation: a bar on a terminal, a line for every item anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alref_local.cli.bars import Bars
from alref_local.visible import visible

if TYPE_CHECKING:
    from alref_local.evaluate.pace import Pace
    from alref_local.evaluate.run import Begun
    from alref_local.evaluate.worker import Message

__all__ = ["PaceLine"]


class PaceLine(Bars):
    """Shows rate and time left on stderr."""

    def __init__(self, title: str) -> None:
        from rich.markup import escape
        from rich.progress import BarColumn, TextColumn

        super().__init__(BarColumn(), TextColumn("{task.description}"))  # the time left is the pace's
        self._title = escape(title)
        self._task = self._bars.add_task(f"{self._title}: loading models", total=None)
        self._pace: Pace | None = None

    def tell(self, message: Begun | Message) -> None:
        """Take the next message."""
        from alref_local.evaluate.pace import Pace, spoken
        from alref_local.evaluate.run import Begun
        from alref_local.evaluate.worker import Done, Failed, Ready

        if isinstance(message, Begun):
            self._pace = Pace(message.items, message.done)
            return
        if self._pace is None:
            return
        if isinstance(message, Ready):
            self._pace.start()
        if isinstance(message, Done | Failed):
            self._pace.count(failed=isinstance(message, Failed))
            if self._quiet:
                became = f"done in {spoken(message.seconds)}" if isinstance(message, Done) else "failed"
                click.echo(visible(f"{message.id} {became} ({self._pace})"), err=True)
        self._bars.update(
            self._task,
            description=f"{self._title}: {self._pace}",
            total=self._pace.total,
            completed=self._pace.done + self._pace.failed,
        )
