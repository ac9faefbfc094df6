"""The supervisor of a server: starts it, waits until it is ready, starts it again after a crash, and ends it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import getpid
from queue import Empty, SimpleQueue
from typing import Final

from alref_local.errors import AlrefError
from alref_local.serve.health import Health, look
from alref_local.serve.last_words import last_words
from alref_local.serve.process import ServerProcess, sweep
from alref_local.serve.state import Phase, Slot, State
from alref_local.serve.watchdog import birth

__all__ = ["Launch", "Pace", "Supervisor", "stopping_at_signals"]

_TAIL: Final = 200_000
"""Bytes of a log that its last words are looked for in."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be started; plain data, so that it can be handed to another process.

    Attributes:
        backend: name of the card.
        model: as it is served.
        endpoint: base URL of the chat API, as this machine reaches it.
        command: its words.
        environment: laid over that of the supervisor; holds the key.
        key: that it asks for; empty if none.
        gpus: what it was given, for people.
        slot: the folder of its state.
    """

    backend: str
    model: str
    endpoint: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    key: str
    gpus: tuple[str, ...]
    slot: str


@dataclass(frozen=True, slots=True)
class Pace:
    """The supervisor's patience, in seconds.

    Attributes:
        start: until a server must be ready.
        sick: for which a server that was ready may be silent or unwell.
        look: between two looks at a server that begins.
        calm: between two looks at one that is well; vLLM writes each into its log.
        pause: before the first new start; doubled for each that follows without success.
        longest: no pause is longer.
        steady: after which a crash is the first one again.
        crashes: in a row, after which it is given up.
    """

    start: float = 3600.0
    sick: float = 120.0
    look: float = 0.5
    calm: float = 5.0
    pause: float = 1.0
    longest: float = 60.0
    steady: float = 600.0
    crashes: int = 6

    def before(self, crash: int) -> float:
        """The pause after so many crashes in a row."""
        return float(min(self.longest, self.pause * 2 ** (crash - 1)))


class _StopSign:
    """An event that a signal handler may set while the thread that it interrupts waits for it.

    ``threading.Event`` would wait for a lock that this very thread holds; ``SimpleQueue.put`` never waits.
    """

    def __init__(self) -> None:
        self._said: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """From now on it has been asked."""
        self._said.put(None)

    def is_set(self) -> bool:
        """Whether it has been asked."""
        return not self._said.empty()

    def wait(self, timeout: float) -> bool:
        """Whether it has been asked, after at most so many seconds."""
        try:
            self._said.get(timeout=timeout)
        except Empty:
            return False
        self._said.put(None)
        return True


class Supervisor:
    """Keeps one server until it is asked to stop, or gives up.

    Args:
        launch: what to start.
        slot: where to write how it stands; locked by the caller.
        pace: its patience.
        tell: is told of every change.
    """

    def __init__(
        self, launch: Launch, slot: Slot, pace: Pace = Pace(), tell: Callable[[State], None] = lambda _: None
    ) -> None:
        self._launch, self._slot, self._pace, self._tell = launch, slot, pace, tell
        self._stop = _StopSign()
        self._hung = False
        self._state = State(
            launch.backend,
            launch.model,
            launch.endpoint,
            "starting",
            supervisor=getpid(),
            born=birth(getpid()),
            gpus=launch.gpus,
        )

    def stop(self) -> None:
        """Ask it to end; returns at once."""
        self._stop.set()

    def run(self) -> None:
        """Serve until asked to stop.

        Raises:
            AlrefError: the server cannot start, or crashed too often; the message holds its own last words.
        """
        if orphans := sweep(self._slot.log):
            self._note("starting", f"{orphans} processes of an earlier start were ended")
        crashes = 0
        try:
            while not self._stop.is_set():
                ready = self._serve_once()
                if self._stop.is_set():
                    break
                crashes = 1 if ready >= self._pace.steady else crashes + 1
                why = self._why()
                if not self._state.restarts and not ready:
                    raise self._failure(f"vLLM could not start: {why}.")
                if crashes >= self._pace.crashes:
                    raise self._failure(f"vLLM ended {crashes} times in a row, at last with: {why}.")
                pause = self._pace.before(crashes)
                self._note("waiting", f"vLLM ended ({why}); it is started again in {pause:g} s")
                self._state = replace(self._state, restarts=self._state.restarts + 1)
                self._stop.wait(pause)
        except AlrefError as error:
            self._note("failed", str(error), error.hint)
            raise
        self._note("stopped")

    def _serve_once(self) -> float:
        """From a start to an end; for how many seconds it was ready."""
        self._slot.rotate()
        server = ServerProcess(self._launch.command, self._launch.environment, self._slot.log)
        self._state = replace(self._state, server=server.pid)
        self._note("starting")
        try:
            return self._watch(server)
        finally:
            server.stop()
            self._state = replace(self._state, server=0)

    def _watch(self, server: ServerProcess) -> float:
        """Until it ends, is asked to, or is given up; raises if another server answers in its place."""
        begun = well = time.monotonic()
        ready: float | None = None
        self._hung = False
        due = begun
        while server.poll() is None and not self._stop.wait(self._pace.look):
            now = time.monotonic()
            if now < due:
                continue
            health = self._look()
            due = now + self._pace.calm if health.state == "ready" else now
            if health.state == "ready":
                well = now
                if ready is None:
                    ready = now
                    self._note("serving")
            elif health.state == "other" and ready is None:
                raise self._failure(
                    f"What answers at {self._launch.endpoint} does not serve '{self._launch.model}' "
                    f"but {', '.join(health.models) or 'nothing that I know'}."
                )
            elif ready is None and now - begun > self._pace.start:
                raise self._failure(f"vLLM was not ready after {self._pace.start:g} s: {self._why()}.")
            elif ready is not None and now - well > self._pace.sick:
                self._hung = True
                break
        return 0.0 if ready is None else max(time.monotonic() - ready, 1e-9)

    def _look(self) -> Health:
        return look(self._launch.endpoint, self._launch.model, self._launch.key)

    def _why(self) -> str:
        if self._hung:
            return f"it did not answer well for {self._pace.sick:g} s"
        try:
            with self._slot.log.open("rb") as log:
                log.seek(max(0, self._slot.log.stat().st_size - _TAIL))
                said = last_words(log.read().decode(errors="replace"))
        except OSError:
            said = ""
        said = said.replace(self._launch.key, "KEY") if self._launch.key else said
        return said or "it wrote nothing"

    def _failure(self, said: str) -> AlrefError:
        hint = f"All that it wrote: `alref-local serve logs {self._launch.backend}` ({self._slot.log})."
        return AlrefError(said, hint=hint)

    def _note(self, phase: Phase, said: str = "", hint: str = "") -> None:
        self._state = replace(self._state, phase=phase, said=said, hint=hint, since=round(time.time(), 3))
        self._slot.write(self._state)
        self._tell(self._state)


@contextmanager
def stopping_at_signals(supervisor: Supervisor) -> Iterator[None]:
    """While inside, signals that ask this process to end end the server first."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, lambda *_: supervisor.stop())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
