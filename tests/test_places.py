"""Places that the event loops of several videos share."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from alref_local.places import Places


class Visitors:
    """Tasks that go in, stay a while and go; how many have been inside together."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = Lock()
        self._now = self.most = self.visits = 0

    async def visit(self, seconds: float = 0.002) -> None:
        async with self._places:
            with self._lock:
                self._now += 1
                self.visits += 1
                self.most = max(self.most, self._now)
            await asyncio.sleep(seconds)
            with self._lock:
                self._now -= 1


@pytest.mark.parametrize(("count", "threads"), [(1, 1), (1, 4), (5, 1), (5, 4)])
def test_all_threads_together_stay_within_the_bound(count: int, threads: int) -> None:
    """Videos that are under way together overrun a server, or one that holds no place waits for ever."""
    visitors = Visitors(Places(count))

    async def video() -> None:
        await asyncio.wait_for(asyncio.gather(*(visitors.visit() for _ in range(20))), 30)

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(asyncio.run, video()) for _ in range(threads)]:
            future.result()
    assert visitors.visits == 20 * threads
    assert visitors.most == count


def test_who_waits_longest_goes_next() -> None:
    """The questions of the video that began first wait behind those of all others."""
    places, order = Places(1), list[int]()

    async def visit(number: int) -> None:
        async with places:
            order.append(number)
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        await asyncio.gather(*(visit(number) for number in range(8)))

    asyncio.run(all_of_them())
    assert order == list(range(8))


@pytest.mark.parametrize("moment", ["waiting", "just let in", "inside"])
def test_a_place_survives_whoever_is_called_off(moment: str) -> None:
    """After a few interrupted videos of a session, no question is ever sent again."""

    async def interrupted() -> None:
        places = Places(1)
        inside = asyncio.create_task(Visitors(places).visit(30))
        waiting = asyncio.create_task(Visitors(places).visit(30))
        await asyncio.sleep(0)
        if moment == "waiting":
            waiting.cancel()
            await asyncio.wait([waiting])
            inside.cancel()
        else:
            inside.cancel()
            await asyncio.wait([inside])  # its place is on the way to the other
            if moment == "inside":
                await asyncio.sleep(0.01)
            waiting.cancel()
        await asyncio.wait([inside, waiting])
        await asyncio.wait_for(Visitors(places).visit(), 5)

    asyncio.run(interrupted())


def test_a_video_that_is_called_off_lets_another_thread_go_on() -> None:
    """One interrupted video holds up all others."""
    places = Places(1)
    visitors = Visitors(places)

    async def abandoned() -> None:
        tasks = [asyncio.create_task(visitors.visit(30)) for _ in range(3)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(asyncio.run, abandoned())
        second = pool.submit(asyncio.run, asyncio.wait_for(visitors.visit(), 10))
        first.result()
        second.result()
