"""What every bar on the terminal shares."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

__all__ = ["Bars"]


class Bars:
    """Bars on stderr while the ``with`` block lasts; silence where that is no terminal.

    Args:
        columns: of each bar; by default what rich has.
    """

    def __init__(self, *columns: Any) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._quiet = not sys.stderr.isatty()
        self._bars = Progress(*columns, console=Console(stderr=True), disable=self._quiet, transient=True)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
