"""From code that does not wait to code that does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run_through"]

_T = TypeVar("_T")


def run_through(work: Coroutine[Any, Any, _T]) -> _T:
    """``asyncio.run``, also where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    box: list[_T] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            box.append(asyncio.run(work))
        except BaseException as error:  # carried over to the caller's thread
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return box[0]
