"""A list of videos."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alref_local.batch import run_all
from alref_local.errors import MediaError, PrerequisiteError
from alref_local.jobs import Job
from alref_local.waiting import run_through

JOBS = [Job(name, Path(name), ()) for name in "abcde"]


def failing(**errors: Exception) -> Callable[[Job], str]:
    """Work that fails for some jobs."""

    def work(job: Job) -> str:
        if job.name in errors:
            raise errors[job.name]
        return job.name

    return work


@pytest.mark.parametrize("at_once", [1, 3])
def test_one_that_fails_does_not_end_the_others(at_once: int) -> None:
    """A damaged video would cost a night, or results would be told of other videos."""
    work = failing(b=MediaError("cut off", hint="look"), d=KeyError("x"))
    done, failed = run_all(JOBS, work, at_once)
    assert done == ["a", "c", "e"]
    assert [(one.name, one.error) for one in failed] == [("b", "cut off"), ("d", "KeyError: 'x'")]
    assert "`alref-local --debug segment`" in failed[1].hint


def test_what_all_need_is_said_once() -> None:
    """A missing server would be told a hundred times."""
    ran: list[str] = []

    def work(job: Job) -> str:
        ran.append(job.name)
        time.sleep(0.01)
        raise PrerequisiteError("no server", hint="start it")

    with pytest.raises(PrerequisiteError):
        run_all(JOBS, work, 2)
    assert len(ran) < len(JOBS)


def test_a_single_video_fails_as_it_is() -> None:
    """--debug would show no traceback."""
    with pytest.raises(KeyError):
        run_all(JOBS[:1], failing(a=KeyError("x")))


def test_several_are_under_way() -> None:
    """The models would stand still while a server thinks about one video."""
    meeting = threading.Barrier(3, timeout=20)

    def work(job: Job) -> int:
        return meeting.wait()

    done, failed = run_all(JOBS[:3], work, 3)
    assert sorted(done) == [0, 1, 2]
    assert failed == []


def test_an_interruption_ends_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C would do nothing until the slowest answer has come."""
    waiting = threading.Barrier(3, timeout=20)
    ended: list[str] = []

    def work(job: Job) -> None:
        async def wait() -> None:
            waiting.wait()
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                ended.append(job.name)
                raise

        run_through(wait())

    def interrupted(*_: object) -> None:
        waiting.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr("alref_local.batch._settled", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_all(JOBS, work, 2)
    assert sorted(ended) == ["a", "b"]
