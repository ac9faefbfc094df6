"""A list of videos: several are under way at a time, and one that fails does not end the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from alref_local.errors import AlrefError, PrerequisiteError
from alref_local.jobs import Job
from alref_local.waiting import call_off

__all__ = ["Failure", "run_all"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Failure:
    """A video that failed, and why."""

    name: str
    error: str
    hint: str


def run_all(
    jobs: Sequence[Job], work: Callable[[Job], _T], at_once: int = 1
) -> tuple[list[_T], list[Failure]]:
    """What ``work`` gives for each job, and the failures, in the order of the jobs.

    Args:
        jobs: the videos.
        work: what is done with one; where there are several, in threads.
        at_once: how many are under way.

    Raises:
        AlrefError: there is a single job and it fails, or something that all jobs need is missing from the start.
    """
    if len(jobs) == 1:
        return [work(jobs[0])], []
    done: list[_T] = []
    failed: list[Failure] = []
    with ThreadPoolExecutor(at_once) as pool:
        running = [(job, pool.submit(work, job)) for job in jobs]
        try:
            for job, future in running:
                outcome = _settled(job, future)
                if isinstance(outcome, Failure):
                    if isinstance(future.exception(), PrerequisiteError) and not done and not failed:
                        future.result()
                    failed.append(outcome)
                else:
                    done.append(outcome)
        except BaseException:  # interrupted, or nothing can go on
            pool.shutdown(wait=False, cancel_futures=True)
            while under_way := [future for _, future in running if not future.done()]:
                call_off()  # again and again: a video may have been about to begin
                wait(under_way, timeout=0.2)
            raise
    return done, failed


def _settled(job: Job, future: Future[_T]) -> _T | Failure:
    try:
        return future.result()
    except AlrefError as error:
        return Failure(job.name, str(error), error.hint)
    except Exception as error:
        hint = "`alref-local --debug segment` on this video alone shows where."
        return Failure(job.name, f"{type(error).__name__}: {error}", hint)
