"""Trying a failing server again: bounded in time, slower each time, never sooner than the server asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import uniform
from typing import TypeVar

from alref_local.errors import BackendError

__all__ = ["patiently"]

_T = TypeVar("_T")
_LONGEST = 30.0


async def patiently(
    call: Callable[[], Awaitable[_T]],
    *,
    patience: float,
    backoff: float,
    failed: Callable[[BackendError], None] = lambda error: None,
) -> _T:
    """The result of ``call``, which is made again while it fails in a way that may pass.

    Args:
        call: one exchange.
        patience: seconds after the first failure within which the last try begins.
        backoff: seconds before the second try; doubled each time up to 30, with some chance so that many
            questions do not come back together. A longer wait that the server asks for counts instead.
        failed: told of every failure.

    Raises:
        BackendError: the failure will not pass, or patience is at an end.
    """
    clock = asyncio.get_running_loop().time
    deadline: float | None = None
    tries = 0
    while True:
        try:
            return await call()
        except BackendError as error:
            failed(error)
            tries += 1
            deadline = clock() + patience if deadline is None else deadline
            pause = max(min(_LONGEST, backoff * 2 ** (tries - 1)) * uniform(0.5, 1), error.retry_after or 0)
            if not error.retryable or clock() + pause > deadline:
                raise
        await asyncio.sleep(pause)
