"""Servers that run, from outside: how they stand, what they write, and their end."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from alref_local.errors import AlrefError, ConfigError
from alref_local.serve.process import sweep
from alref_local.serve.state import Slot, State, slots
from alref_local.serve.watchdog import birth

__all__ = ["chosen", "follow", "status", "stop", "tail"]

_PATIENCE = 20.0


def chosen(backend: str | None = None, port: int | None = None) -> list[Slot]:
    """The slots of a backend (its name, or its card's file) and port, or all; those of living servers first.

    Raises:
        ConfigError: there is none of a backend or port that is named.
    """
    if backend is not None and backend.endswith((".yaml", ".yml")):
        backend = Path(backend).stem
    found = [
        slot
        for slot in slots()
        if (state := slot.read())
        and backend in (None, state.backend)
        and (port is None or slot.folder.name.endswith(f"-{port}"))
    ]
    if not found and (backend or port):
        which = "" if backend is None else f" '{backend}'"
        raise ConfigError(
            f"No server{which} was started here{f' at port {port}' if port else ''}.",
            hint="`alref-local serve BACKEND` starts one; `alref-local serve status` shows all.",
        )
    return sorted(found, key=lambda slot: not slot.alive())


def status(slot: Slot) -> dict[str, Any]:
    """How a server stands, as plain data; ``phase`` is ``killed`` if its supervisor is gone without a word."""
    state = slot.read() or State("", "", "", "failed")
    alive = slot.alive()
    gone = not alive and state.phase not in ("stopped", "failed")
    return {
        "backend": state.backend,
        "model": state.model,
        "endpoint": state.endpoint,
        "phase": "killed" if gone else state.phase,
        "said": state.said,
        "since": state.since,
        "restarts": state.restarts,
        "gpus": list(state.gpus),
        "supervisor": state.supervisor if alive else None,
        "server": state.server if alive and state.server else None,
        "log": str(slot.log),
        "key": str(slot.key) if slot.key.is_file() else None,
    }


def stop(slot: Slot) -> bool:
    """End a server and its supervisor, and whatever is left of earlier ones; whether there was anything.

    Raises:
        AlrefError: the supervisor does not end.
    """
    state, alive = slot.read(), slot.alive()
    deadline = time.monotonic() + _PATIENCE
    if state is not None and alive:
        _ask(state)
        while slot.alive():
            if time.monotonic() > deadline:
                raise AlrefError(
                    f"The supervisor of '{state.backend}' (process {state.supervisor}) does not end.",
                    hint=f"kill -9 {state.supervisor}; its watchdog ends the rest.",
                )
            time.sleep(0.1)
    return bool(sweep(slot.log)) or alive


def tail(slot: Slot, lines: int) -> list[str]:
    """The last lines of what a server wrote."""
    with suppress(OSError), slot.log.open(encoding="utf-8", errors="replace") as log:
        return [line.rstrip("\n") for line in deque(log, maxlen=lines)]
    return []


def follow(slot: Slot, lines: int) -> Iterator[str]:
    """The last lines, and those to come, through new starts, as long as the supervisor lives."""
    yield from tail(slot, lines)
    whence = os.SEEK_END
    while slot.alive():
        with suppress(OSError), slot.log.open(encoding="utf-8", errors="replace") as log:
            opened = os.fstat(log.fileno()).st_ino
            log.seek(0, whence)
            while slot.alive() and slot.log.stat().st_ino == opened:
                yield from (line.rstrip("\n") for line in log)
                time.sleep(0.2)
            yield from (line.rstrip("\n") for line in log)
        whence = os.SEEK_SET
        time.sleep(0.2)


def _ask(state: State) -> None:
    """Ask the supervisor itself, not another process that has got its number since."""
    if state.born and birth(state.supervisor) == state.born:
        with suppress(ProcessLookupError):
            os.kill(state.supervisor, signal.SIGTERM)
