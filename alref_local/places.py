"""A bound on what is under way together, for tasks of several event loops and threads."""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Lock

__all__ = ["Places"]


class Places:
    """A semaphore that every thread may share; who waits longest goes next.

    Args:
        count: how many may be inside together.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._lock = Lock()
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            with self._lock:
                given = turn not in self._waiting
                if not given:
                    self._waiting.remove(turn)
            if given:
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        """Hand the place to whoever waits longest, or keep it free."""
        with self._lock:
            if self._waiting:
                turn = self._waiting.popleft()
                turn.get_loop().call_soon_threadsafe(_settle, turn)
            else:
                self._free += 1


def _settle(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
