"""A worker process: it loads the models once and takes tasks until none is left, several at a time.

While one task waits for the answers of the language model, the models work on the others: every task has a thread
and a session of its own, all of them share the loaded models and the one thread that computes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any

from alref_local.errors import AlrefError, PrerequisiteError
from alref_local.evaluate.merging import Overheard, write_label_maps
from alref_local.evaluate.tasks import Task, item_folder, job
from alref_local.events import Event, Finished
from alref_local.session import Session

__all__ = ["Broken", "Done", "Failed", "Message", "Ready", "Setup", "work"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What every worker is told.

    Attributes:
        run: folder of the evaluation.
        session: arguments of ``Session``.
        endpoints: of the backend, taken in turn; none: the card's.
        sound: whether any task asks for sound.
        background: level of the background where masks are merged.
        at_once: tasks of one worker at a time.
        devices: of the workers, in turn; none: one of the GPUs that PyTorch sees.
    """

    run: Path
    session: Mapping[str, Any] = field(default_factory=dict)
    endpoints: tuple[str, ...] = ()
    sound: bool = False
    background: float = 0.0
    at_once: int = 1
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """The models are loaded; this machine has so many GPUs."""

    gpus: int


@dataclass(frozen=True, slots=True)
class Done:
    """A task is done, after so many seconds."""

    id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A task failed, and why."""

    id: str
    error: str
    hint: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing can go on before a person does something."""

    error: AlrefError


Message = Ready | Done | Failed | Broken


def work(pipe: Connection, setup: Setup, number: int) -> None:
    """Entry of the process: ``Ready``, then a message for every task, until ``None`` comes in place of a task.

    When the other end of the pipe closes (its process was killed), this process ends at once: what it was writing is
    taken up by the next start.
    """
    sending = Lock()

    def tell(message: Message) -> None:
        with sending:
            pipe.send(message)

    try:
        gpus = _gpus()
        session = _session(setup, number, gpus)
    except Exception as error:
        tell(Broken(error if isinstance(error, AlrefError) else AlrefError(_unforeseen(error))))
        return

    def one(task: Task) -> None:
        tell(_outcome(session, task, setup))

    tell(Ready(gpus))
    with session, ThreadPoolExecutor(setup.at_once) as threads:
        while (task := _next(pipe)) is not None:
            threads.submit(one, task)


def _next(pipe: Connection) -> Task | None:
    try:
        task: Task | None = pipe.recv()
    except (EOFError, OSError):
        os._exit(1)  # not waiting for the tasks under way: another start may begin with them
    return task


def _session(setup: Setup, number: int, gpus: int) -> Session:
    """A session with everything loaded, on a GPU of its own where there are several."""
    device = setup.session.get("device", "auto")
    if setup.devices:
        device = setup.devices[number % len(setup.devices)]
    elif device == "auto" and gpus:
        device = f"cuda:{number % gpus}"
    session = Session(**{**setup.session, "device": device})
    session.check(sound=setup.sound)
    session.engine.load(sound=setup.sound)
    return session


def _outcome(session: Session, task: Task, setup: Setup) -> Message:
    begun = time.perf_counter()
    try:
        _segment(session, task, setup)
    except PrerequisiteError as error:
        return Broken(error)
    except AlrefError as error:
        return Failed(task.id, str(error), error.hint, time.perf_counter() - begun)
    except Exception as error:
        hint = "`alref-local --debug segment` on this video alone shows where."
        return Failed(task.id, _unforeseen(error), hint, time.perf_counter() - begun)
    return Done(task.id, time.perf_counter() - begun)


def _segment(session: Session, task: Task, setup: Setup) -> None:
    folder = item_folder(setup.run, task.name)
    mine = setup.endpoints and setup.endpoints[task.number % len(setup.endpoints)]
    with session.beside({"endpoint": mine} if mine else {}) as one:
        heard = Overheard(one.engine.segmentor)
        if task.groups:
            one.engine.segmentor = heard

        def tell(event: Event) -> None:
            if task.groups and isinstance(event, Finished):
                write_label_maps(folder, event.results, task.groups, heard, setup.background)

        one.segment(job(task, setup.run), folder, tell=tell)


def _unforeseen(error: Exception) -> str:
    return f"Something unforeseen happened ({type(error).__name__}: {error})."


def _gpus() -> int:
    import torch

    return int(torch.cuda.device_count())
