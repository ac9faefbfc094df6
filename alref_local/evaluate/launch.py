"""Where workers run: processes of this machine. A cluster is in ``cluster.py``."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol

from alref_local.evaluate.worker import Setup, work

__all__ = ["Launcher", "Processes", "Started"]


class Started(Protocol):
    """A worker that was started; its end shows as the end of the pipe."""

    @property
    def pipe(self) -> Connection:
        """Tasks go in, messages come out."""

    def end(self) -> None:
        """End it at once."""

    def wait(self, seconds: float) -> None:
        """Give it so long to end by itself."""

    def why(self) -> str:
        """How it ended, to follow a sentence: `` (SIGKILL)``."""


class Launcher(Protocol):
    """Starts workers."""

    def most(self) -> int | None:
        """How many there should be if nobody says; ``None``: the first one will tell."""

    def start(self, setup: Setup, number: int) -> Started:
        """Start a worker."""


class Processes:
    """Workers of this machine: one for each GPU, which only a worker can count."""

    def most(self) -> int | None:
        """The first worker will tell."""
        return None

    def start(self, setup: Setup, number: int) -> Started:
        """Spawn a process."""
        context = multiprocessing.get_context("spawn")  # threads and GPU contexts do not survive a fork
        ours, theirs = context.Pipe()
        with _uninterrupted():
            process = context.Process(target=work, args=(theirs, setup, number), daemon=True)
            process.start()
        theirs.close()  # so that the worker's end shows here
        return _Process(process, ours)


class _Process:
    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self._process = process
        self.pipe = pipe

    def end(self) -> None:
        self._process.terminate()

    def wait(self, seconds: float) -> None:
        self._process.join(seconds)

    def why(self) -> str:
        code = self._process.exitcode
        return f" ({signal.Signals(-code).name})" if code is not None and code < 0 else ""


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes started inside never see Ctrl-C, which a terminal sends to all: it is for the parent to end them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
