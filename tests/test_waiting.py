"""From code that does not wait to code that does."""

from __future__ import annotations

import asyncio
import signal
import threading
import time

import pytest

from alref_local.waiting import run_through


def test_it_works_where_a_loop_is_running() -> None:
    """A notebook cell fails with a word about event loops."""

    async def cell() -> int:
        return run_through(asyncio.sleep(0, 7))

    assert asyncio.run(cell()) == 7


def test_an_interrupted_cell_stops_what_runs_for_it() -> None:
    """The run goes on asking paid questions behind the person's back, and throws the answers away."""
    told = list[str]()

    async def questions() -> None:
        try:
            for number in range(100):
                told.append(f"asked {number}")
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            told.append("stopped")
            raise

    async def cell() -> None:
        run_through(questions())

    loop = asyncio.new_event_loop()  # asyncio.run has a handler of its own, which no notebook has

    def interrupt() -> None:
        while not told:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(cell())
    loop.close()
    assert told[-1] == "stopped"
    assert len(told) < 50
