"""Many ask, one worker thread answers: what is asked while a batch runs makes up the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from alref_local.errors import BackendError

__all__ = ["Batches", "Place"]

_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")


@dataclass(slots=True, eq=False)
class Place(Generic[_Asked]):
    """A place in a batch; ``gone`` once nobody waits for it, so that the worker can stop early."""

    asked: _Asked
    gone: bool = False


@dataclass(slots=True, eq=False)
class _Waiting(Generic[_Asked, _Told]):
    place: Place[_Asked]
    future: asyncio.Future[_Told] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def tell(self, told: _Told | Exception) -> None:
        if self.future.done():
            return
        if isinstance(told, Exception):
            self.future.set_exception(told)
        else:
            self.future.set_result(told)


class Batches(Generic[_Asked, _Told]):
    """Calls ``run`` with at most ``most`` places at a time, in the order asked.

    ``run`` gives a result or an exception for every place. Any number of event loops may use it one after another.
    """

    def __init__(
        self, run: Callable[[Sequence[Place[_Asked]]], Sequence[_Told | Exception]], most: int
    ) -> None:
        self._run = run
        self._most = most
        self._waiting: deque[_Waiting[_Asked, _Told]] = deque()
        self._running: list[_Waiting[_Asked, _Told]] = []
        self._work: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="local")

    async def ask(self, asked: _Asked) -> _Told:
        """Wait for the batch that this rides in; a cancelled one leaves the others alone."""
        waiting: _Waiting[_Asked, _Told] = _Waiting(Place(asked))
        self._waiting.append(waiting)
        if self._work is None or self._work.done():
            # The task starts after everything that is ready to run now, so askers of one moment share a batch.
            self._work = asyncio.ensure_future(self._drain())
        try:
            return await waiting.future
        finally:
            waiting.place.gone = True

    async def close(self) -> None:
        """Stop at the next token; whoever still waits gets a BackendError."""
        for waiting in (*self._running, *self._waiting):
            waiting.tell(BackendError("The local model was closed before it answered."))
        self._waiting.clear()
        if self._work is not None and not self._work.done():
            await asyncio.wait([self._work])
        self._thread.shutdown()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._next():
                places = [waiting.place for waiting in self._running]
                told = await loop.run_in_executor(self._thread, self._safely, places)
                for waiting, one in zip(self._running, told, strict=True):
                    waiting.tell(one)
        finally:
            for waiting in self._running:  # also where the loop ends under way
                waiting.place.gone = True
            self._running = []

    def _next(self) -> bool:
        """Fill the next batch; places that were given up are skipped."""
        self._running = []
        while self._waiting and len(self._running) < self._most:
            waiting = self._waiting.popleft()
            if not waiting.place.gone:
                self._running.append(waiting)
        return bool(self._running)

    def _safely(self, places: Sequence[Place[_Asked]]) -> Sequence[_Told | Exception]:
        try:
            return self._run(places)
        except Exception as error:  # the askers raise it, each in a task of its own
            return [error] * len(places)
