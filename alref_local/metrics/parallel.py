"""The same work for many items, on several cores."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

__all__ = ["each"]

_A = TypeVar("_A")
_B = TypeVar("_B")


def each(work: Callable[[_A], _B], items: Sequence[_A], workers: int = 1) -> list[_B]:
    """``work`` of every item, in the order of the items; the first error ends it.

    Args:
        work: can be pickled, as the items and results can.
        items: what to work on; few large ones, because each crosses to another process.
        workers: processes; with one, everything happens in this one.
    """
    if min(workers, len(items)) <= 1:
        return [work(item) for item in items]
    # Spawned, not forked: threads and GPU contexts of this process do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(items)), mp_context=context) as pool:
        return list(pool.map(work, items))
