"""The waiting room of a checkpoint: its files gather out of sight, and become visible together or not at all."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from alref_local.errors import PrerequisiteError
from alref_local.models.catalogue import Checkpoint
from alref_local.models.store import RECORD, folder_of, models_dir
from alref_local.supply.copying import flush_folder, writable

__all__ = ["clear", "publish", "waiting_room", "withdraw", "writing_models"]

_INCOMING, _OUTGOING = ".incoming", ".outgoing"


@contextmanager
def writing_models() -> Iterator[None]:
    """Only one process at a time changes what is installed.

    Raises:
        PrerequisiteError: another one does just now.
        ConfigError: the folder cannot be written.
    """
    folder = models_dir()
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PrerequisiteError(
                f"Another command is changing the checkpoints in {folder}.", hint="Wait until it has ended."
            ) from error
        yield


def waiting_room(name: str) -> Path:
    """Where the files of checkpoint ``name`` gather; what an interrupted command left is still there."""
    return models_dir() / _INCOMING / folder_of(name).relative_to(models_dir())


def clear(room: Path, keep: set[str]) -> None:
    """Remove every file of a waiting room that is not one of ``keep``, or its unfinished copy."""
    for file in [path for path in room.rglob("*") if path.is_symlink() or not path.is_dir()]:
        relative = file.relative_to(room).as_posix()
        if file.is_symlink() or relative.removesuffix(".part") not in keep:
            with writable(file):
                file.unlink()


def publish(record: Checkpoint) -> Path:
    """Let the files in the waiting room, all of which were checked, take their place; return it."""
    room, place = waiting_room(record.name), folder_of(record.name)
    with writable(place):
        (room / RECORD).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
        flush_folder(room)
        place.parent.mkdir(parents=True, exist_ok=True)
        withdraw(record.name)
        room.replace(place)
        flush_folder(place.parent)
    return place


def withdraw(name: str) -> None:
    """Take what is installed under ``name`` away: out of sight at once, then file by file."""
    place, exit_ = folder_of(name), models_dir() / _OUTGOING / uuid4().hex
    with writable(place):
        if place.is_dir():
            exit_.parent.mkdir(parents=True, exist_ok=True)
            place.replace(exit_)
    shutil.rmtree(models_dir() / _OUTGOING, ignore_errors=True)
