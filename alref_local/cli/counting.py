"""A bar on a terminal while videos are gone through; silence anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

__all__ = ["counted"]

_T_co = TypeVar("_T_co", covariant=True)


class _Counted(Protocol[_T_co]):
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_T_co]: ...


def counted(things: _Counted[_T_co], what: str) -> Iterable[_T_co]:
    """``things``, with a bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        return things
    from rich.console import Console
    from rich.progress import track

    return track(things, what, total=len(things), console=Console(stderr=True), transient=True)
