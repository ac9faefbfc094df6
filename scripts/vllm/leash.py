"""Ends a process group when the process that started this one lets go of it, or is gone.

``python leash.py GROUP FOLDER`` waits until its standard input is closed, which the death of its parent does
too, then ends the group, asking first, and removes the folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

GRACE = 10.0
"""Seconds between asking and killing."""


def hold(group: int, folder: str, grace: float = GRACE) -> None:
    """Wait for the end of the input, then end the group and remove the folder."""
    sys.stdin.read()
    _end(group, grace)
    shutil.rmtree(folder, ignore_errors=True)


def kill(group: int) -> None:
    """End all processes of a group at once, but let Python's resource trackers free their shared memory first."""
    trackers = []
    for process in _members(group):
        if b"resource_tracker" in _read(f"/proc/{process}/cmdline"):
            trackers.append(process)
        else:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    _wait(lambda: not set(trackers) & set(_members(group)), 5)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _end(group: int, grace: float) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        _wait(lambda: not _members(group), grace)
    kill(group)


def _members(group: int) -> list[int]:
    """The living processes of a group."""
    states = {int(path.parent.name): _read(path) for path in Path("/proc").glob("[0-9]*/stat")}
    fields = {process: state.rpartition(b")")[2].split() for process, state in states.items()}
    return [process for process, said in fields.items() if said and said[0] != b"Z" and int(said[2]) == group]


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""  # it has just ended


def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    hold(int(sys.argv[1]), sys.argv[2])
