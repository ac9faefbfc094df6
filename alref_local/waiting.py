"""From code that does not wait to code that does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["call_off", "run_through"]

_T = TypeVar("_T")

_running: dict[asyncio.Task[Any], asyncio.AbstractEventLoop] = {}


def run_through(work: Coroutine[Any, Any, _T]) -> _T:
    """``asyncio.run``, also where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_known(work))
    box: list[_T] = []
    failed: list[BaseException] = []
    ended = threading.Event()  # an interrupted join takes the thread for ended

    def call() -> None:
        try:
            box.append(asyncio.run(_known(work)))
        except BaseException as error:  # carried over to the caller's thread
            failed.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=call)
    try:
        thread.start()
        ended.wait()
    except BaseException:  # the cell is interrupted, and what runs for it would go on asking
        while not ended.wait(0.2):
            call_off()  # again and again: it may have been about to begin
        raise
    if failed:
        raise failed[0]
    return box[0]


def call_off() -> None:
    """Cancel everything that ``run_through`` waits for in other threads; there it ends in ``CancelledError``."""
    for task, loop in list(_running.items()):
        loop.call_soon_threadsafe(task.cancel)


async def _known(work: Coroutine[Any, Any, _T]) -> _T:
    task = asyncio.current_task()
    assert task is not None
    _running[task] = asyncio.get_running_loop()
    try:
        return await work
    finally:
        del _running[task]
