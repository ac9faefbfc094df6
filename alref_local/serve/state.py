"""What is known of a server: one small folder for each backend and port, under ``$XDG_STATE_HOME``.

``state.json`` says how it stands, ``server.log`` holds what it wrote, ``lock`` is held as long as its supervisor lives
(the kernel lets go of it, however that ends), ``key`` is its key if one was drawn. The folders of different machines
that share a home are apart.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from alref_local.errors import ConfigError
from alref_local.files import write_bytes, writing

__all__ = ["Phase", "Slot", "State", "slots"]

Phase = Literal["starting", "serving", "waiting", "stopped", "failed"]
_LOGS = 5


@dataclass(frozen=True, slots=True)
class State:
    """How a server stands.

    Attributes:
        backend: the card.
        model: as it is served.
        endpoint: base URL of its chat API.
        phase: starting, serving, waiting to start again after a crash, stopped, or failed.
        said: one sentence about it.
        hint: the way out of a failure.
        supervisor: process id of whoever keeps it.
        born: when that process began, in clock ticks since the machine did.
        server: process id of vLLM's API process; 0 if there is none now.
        since: when the phase began, in seconds since 1970.
        restarts: how often it began anew.
        gpus: what it was given.
    """

    backend: str
    model: str
    endpoint: str
    phase: Phase
    said: str = ""
    hint: str = ""
    supervisor: int = 0
    born: int = 0
    server: int = 0
    since: float = 0.0
    restarts: int = 0
    gpus: tuple[str, ...] = field(default_factory=tuple)


class Slot:
    """The folder of one backend and port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.key = folder / "key"
        self.own_log = folder / "supervisor.log"

    @classmethod
    def of(cls, backend: str, port: int) -> Slot:
        """That of a card, by its name."""
        name = re.sub(r"[^\w.-]", "_", backend)[:80].lstrip(".") or "backend"
        return cls(_root() / f"{name}-{port}")

    def read(self) -> State | None:
        """How it stands, or stood last; ``None`` if it was never started, or the file is damaged."""
        try:
            raw: dict[str, Any] = json.loads((self.folder / "state.json").read_bytes())
            return State(**{**raw, "gpus": tuple(raw["gpus"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, state: State) -> None:
        """Write down how it stands."""
        write_bytes(self.folder / "state.json", json.dumps(asdict(state), indent=1).encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only supervisor of this slot.

        Raises:
            ConfigError: another one is alive, or the folder cannot be written.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise self._taken() from error
            yield
        finally:
            os.close(descriptor)

    def alive(self) -> bool:
        """Whether its supervisor lives."""
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def rotate(self) -> None:
        """Begin a new log of the server, and keep the last few."""
        for number in range(_LOGS - 1, 0, -1):
            older = self.log.with_name(f"{self.log.name}.{number}")
            newer = self.log if number == 1 else self.log.with_name(f"{self.log.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)

    def _taken(self) -> ConfigError:
        state = self.read()
        where = f" at {state.endpoint}" if state else ""
        return ConfigError(
            f"This backend is being served already{where}.",
            hint="`alref-local serve status` shows it, `alref-local serve stop` ends it; --port serves another one.",
        )


def slots() -> list[Slot]:
    """All of this machine and user, whether they live or not."""
    return [Slot(file.parent) for file in sorted(_root().glob("*/state.json"))]


def _root() -> Path:
    states = Path(os.environ.get("XDG_STATE_HOME", ""))
    home = states if states.is_absolute() else Path("~/.local/state").expanduser()
    return home / "alref-local" / "serve" / socket.gethostname()
