"""Batches of the local backend, with a worker that only counts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from alref_local.errors import BackendError
from alref_local.reason.local.batches import Batches, Place


class Worker:
    """Doubles numbers, refuses 13, and keeps every batch; ``hold`` makes it wait for ``free`` or for nobody."""

    def __init__(self, hold: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.free = threading.Event(), threading.Event()
        self.hold = hold

    def __call__(self, places: Sequence[Place[int]]) -> list[int | Exception]:
        self.batches.append([place.asked for place in places])
        self.begun.set()
        while self.hold and not self.free.wait(0.001) and not all(place.gone for place in places):
            pass
        return [ValueError("13") if place.asked == 13 else 2 * place.asked for place in places]


def alive() -> list[str]:
    """Worker threads that are still there."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("local")]


async def begin(worker: Worker) -> None:
    """Wait until a batch is under way, which the event loop must be free to do."""
    while not worker.begun.is_set():
        await asyncio.sleep(0.001)


def test_what_is_asked_together_is_answered_together() -> None:
    """Eight questions take the time of eight."""
    worker = Worker()

    async def asked() -> list[int]:
        batches = Batches(worker, most=3)
        try:
            return await asyncio.gather(*(batches.ask(number) for number in range(7)))
        finally:
            await batches.close()

    assert asyncio.run(asked()) == [0, 2, 4, 6, 8, 10, 12]
    assert worker.batches == [[0, 1, 2], [3, 4, 5], [6]]
    assert not alive()


def test_the_next_batch_gathers_while_one_is_under_way_and_the_loop_is_free() -> None:
    """While a model thinks, no other question is prepared and no server is heard."""
    worker = Worker(hold=True)

    async def asked() -> None:
        batches = Batches(worker, most=8)
        first = asyncio.ensure_future(batches.ask(1))
        await begin(worker)
        later = [asyncio.ensure_future(batches.ask(number)) for number in (2, 3, 4)]
        await asyncio.sleep(0)
        worker.free.set()
        assert await asyncio.gather(first, *later) == [2, 4, 6, 8]
        await batches.close()

    asyncio.run(asked())
    assert worker.batches == [[1], [2, 3, 4]]


def test_one_failure_is_one_failure() -> None:
    """A question that cannot be read takes its neighbours down."""

    async def asked() -> None:
        batches = Batches(Worker(), most=8)
        told = await asyncio.gather(*(batches.ask(n) for n in (1, 13, 2)), return_exceptions=True)
        assert (told[0], str(told[1]), told[2]) == (2, "13", 4)
        await batches.close()

    asyncio.run(asked())


def test_a_worker_that_breaks_tells_everyone() -> None:
    """Questions wait for ever when the weights are missing."""

    def broken(places: Sequence[Place[int]]) -> list[int | Exception]:
        raise BackendError("no weights")

    async def asked() -> None:
        batches = Batches(broken, most=2)
        told = await asyncio.gather(*(batches.ask(n) for n in range(3)), return_exceptions=True)
        assert [str(one) for one in told] == ["no weights"] * 3
        await batches.close()

    asyncio.run(asked())


def test_a_cancelled_question_leaves_the_others_alone() -> None:
    """One video that is given up stops those beside it, or is computed to its end for nobody."""
    worker = Worker(hold=True)

    async def asked() -> None:
        batches = Batches(worker, most=2)
        tasks = [asyncio.ensure_future(batches.ask(number)) for number in range(4)]
        await begin(worker)
        tasks[0].cancel()  # under way
        tasks[2].cancel()  # waiting
        await asyncio.sleep(0)
        worker.free.set()
        told = await asyncio.gather(*tasks, return_exceptions=True)
        assert (told[1], told[3]) == (2, 6)
        assert all(isinstance(told[place], asyncio.CancelledError) for place in (0, 2))
        await batches.close()

    asyncio.run(asked())
    assert worker.batches == [[0, 1], [3]]


@pytest.mark.parametrize("cancelled", [False, True])
def test_closing_stops_what_is_under_way(cancelled: bool) -> None:
    """Ctrl-C waits until a reply of a thousand tokens is complete, or a thread stays behind."""
    worker = Worker(hold=True)  # never freed: only the places' ``gone`` ends it

    async def asked() -> None:
        batches = Batches(worker, most=1)
        tasks = [asyncio.ensure_future(batches.ask(number)) for number in (1, 2)]
        await begin(worker)
        if cancelled:
            for task in tasks:
                task.cancel()
        await batches.close()
        told = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in told} == {asyncio.CancelledError if cancelled else BackendError}

    asyncio.run(asked())
    assert worker.batches == [[1]]
    assert not alive()


def test_a_loop_that_ends_without_closing_stops_the_worker_too() -> None:
    """A script that fails hangs at its end."""
    worker = Worker(hold=True)
    batches = Batches(worker, most=1)

    async def forgets() -> None:
        task = asyncio.ensure_future(batches.ask(1))
        await begin(worker)
        assert not task.done()

    asyncio.run(forgets())
    asyncio.run(batches.close())
    assert not alive()


def test_several_event_loops_one_after_another() -> None:
    """The second video of a session has no backend."""
    batches = Batches(Worker(), most=2)

    async def asked() -> int:
        return await batches.ask(4)

    assert [asyncio.run(asked()), asyncio.run(asked())] == [8, 8]
    asyncio.run(batches.close())
