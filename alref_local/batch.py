"""A list of videos: one that fails does not end the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from alref_local.errors import AlrefError, PrerequisiteError
from alref_local.jobs import Job

__all__ = ["Failure", "run_all"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Failure:
    """A video that failed, and why."""

    name: str
    error: str
    hint: str


def run_all(jobs: Sequence[Job], work: Callable[[Job], _T]) -> tuple[list[_T], list[Failure]]:
    """What ``work`` gives for each job, and the failures.

    Raises:
        AlrefError: there is a single job and it fails, or something that all jobs need is missing from the start.
    """
    done: list[_T] = []
    failed: list[Failure] = []
    for job in jobs:
        try:
            done.append(work(job))
        except AlrefError as error:
            if len(jobs) == 1 or (isinstance(error, PrerequisiteError) and not done and not failed):
                raise
            failed.append(Failure(job.name, str(error), error.hint))
        except Exception as error:
            if len(jobs) == 1:
                raise
            failed.append(
                Failure(
                    job.name, f"{type(error).__name__}: {error}", "Alone and with --debug it shows where."
                )
            )
    return done, failed
