"""The worker processes of an evaluation, seen from the process that keeps the journal."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from multiprocessing.connection import Connection, wait

from alref_local.errors import AlrefError
from alref_local.evaluate.journal import Journal
from alref_local.evaluate.launch import Launcher, Processes, Started
from alref_local.evaluate.tasks import Task
from alref_local.evaluate.worker import Broken, Done, Failed, Message, Ready, Setup

__all__ = ["run_tasks"]

_DEATHS = 2
"""A task that was under way when this many workers ended is not given to another."""

_PATIENCE = 20.0
"""Seconds that a worker has to end by itself."""


@dataclass
class _Worker:
    number: int
    started: Started
    ready: bool = False
    tasks: dict[str, Task] = field(default_factory=dict)


def run_tasks(
    tasks: Sequence[Task],
    setup: Setup,
    journal: Journal,
    workers: int | None = None,
    tell: Callable[[Message], None] = lambda message: None,
    launcher: Launcher | None = None,
) -> None:
    """Give all tasks to worker processes and write down what becomes of them.

    Args:
        tasks: they wait in the journal.
        setup: what every worker is told.
        journal: open.
        workers: processes; by default one for each GPU of this machine, or one.
        tell: told of every message, once it is in the journal.
        launcher: who starts workers; by default they are processes of this machine.

    Raises:
        PrerequisiteError: weights, a package, a server or a key is missing; what was under way waits again.
        ConfigError: the models cannot be loaded.
        AlrefError: a worker ended before it could begin.
    """
    pool = _Pool(tasks, setup, journal, workers, tell, launcher or Processes())
    try:
        pool.run()
    finally:
        pool.close()


class _Pool:
    def __init__(
        self,
        tasks: Sequence[Task],
        setup: Setup,
        journal: Journal,
        workers: int | None,
        tell: Callable[[Message], None],
        launcher: Launcher,
    ) -> None:
        self._waiting = deque(tasks)
        self._setup = setup
        self._journal = journal
        self._launcher = launcher
        self._wanted = workers or launcher.most()
        self._tell = tell
        self._workers: dict[Connection, _Worker] = {}
        self._deaths: Counter[str] = Counter()

    def run(self) -> None:
        """Until every task is done or has failed."""
        for number in range(min(self._wanted or 1, len(self._waiting))):
            self._start(number)
        while self._waiting or any(worker.tasks for worker in self._workers.values()):
            heard = wait(list(self._workers))
            for worker in [one for pipe, one in self._workers.items() if pipe in heard]:
                try:
                    message: Message = worker.started.pipe.recv()
                except (EOFError, OSError):
                    self._bury(worker)
                else:
                    self._take(worker, message)
            self._deal()
        idle = [worker for worker in self._workers.values() if worker.ready]
        for worker in idle:
            with suppress(OSError):
                worker.started.pipe.send(None)
        for worker in idle:
            worker.started.wait(_PATIENCE)

    def close(self) -> None:
        """End what still runs; its tasks wait again."""
        for worker in self._workers.values():
            worker.started.end()
        for worker in self._workers.values():
            worker.started.wait(_PATIENCE)
            worker.started.pipe.close()
            for id in worker.tasks:
                self._journal.release(id)
        self._workers.clear()

    def _start(self, number: int) -> None:
        started = self._launcher.start(self._setup, number)
        self._workers[started.pipe] = _Worker(number, started)

    def _take(self, worker: _Worker, message: Message) -> None:
        match message:
            case Broken(error):
                raise error
            case Ready(gpus):
                worker.ready = True
                if self._wanted is None:
                    self._wanted = max(1, gpus)
                    for number in range(1, min(self._wanted, len(self._waiting))):
                        self._start(number)
            case Done(id, seconds):
                del worker.tasks[id]
                self._journal.finish(id, seconds)
            case Failed(id, error, hint, seconds):
                del worker.tasks[id]
                self._journal.fail(id, error, hint, seconds)
        self._tell(message)

    def _deal(self) -> None:
        for worker in self._workers.values():
            while worker.ready and self._waiting and len(worker.tasks) < self._room(worker):
                self._give(worker, self._waiting.popleft())

    def _room(self, worker: _Worker) -> int:
        """How many tasks a worker may have: not more than its share, so that the last ones do not wait for each other.

        A task that may have ended a worker runs alone, to be found out.
        """
        if any(self._deaths[id] for id in (self._waiting[0].id, *worker.tasks)):
            return 1
        left = len(self._waiting) + sum(len(one.tasks) for one in self._workers.values())
        return min(self._setup.at_once, ceil(left / len(self._workers)))

    def _give(self, worker: _Worker, task: Task) -> None:
        self._journal.claim(task.id)
        worker.tasks[task.id] = task
        with suppress(OSError):  # it may have just ended; `_bury` takes the task back
            worker.started.pipe.send(task)

    def _bury(self, worker: _Worker) -> None:
        """A worker ended (out of memory, killed): its tasks go to another one, unless they seem to be the cause."""
        del self._workers[worker.started.pipe]
        worker.started.pipe.close()
        worker.started.wait(_PATIENCE)
        why = worker.started.why()
        if not worker.ready:
            raise AlrefError(
                f"A worker ended while it loaded the models{why}.",
                hint="If memory ran out: fewer --workers.",
            )
        for id, task in worker.tasks.items():
            self._deaths[id] += 1
            if self._deaths[id] < _DEATHS:
                self._journal.release(id)
                self._waiting.appendleft(task)
                continue
            said = f"{_DEATHS} workers ended while they worked on it{why}."
            failed = Failed(id, said, "If memory ran out: fewer --workers, or shorter videos.", 0.0)
            self._journal.fail(id, failed.error, failed.hint, 0.0)
            self._tell(failed)
        if self._waiting:
            self._start(worker.number)
