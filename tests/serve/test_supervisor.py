"""The supervisor: what it does when a server cannot start, crashes, falls ill, or is not the right one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alref_local.errors import AlrefError, ConfigError
from alref_local.reason.card import load_card
from alref_local.serve.hosts import Host
from alref_local.serve.prepare import Asked, prepare
from alref_local.serve.state import Slot, State
from alref_local.serve.supervisor import Pace, Supervisor
from alref_local.serve.watchdog import birth
from tests.serve.serve_kit import all_gone, fake_card, pids, until

QUICK = Pace(start=3, sick=1, look=0.05, calm=0.1, pause=0.05, longest=0.2, steady=60, crashes=4)


class Served:
    """A supervisor in a thread of its own."""

    def __init__(self, folder: Path, how: str) -> None:
        self.folder = folder
        self.states: list[State] = []
        self.error: AlrefError | None = None
        launch = prepare(Asked(load_card(fake_card(folder, how)), config="tiny"), Host()).launch
        self.slot = Slot(Path(launch.slot))
        self.supervisor = Supervisor(launch, self.slot, QUICK, self.states.append)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def phases(self) -> list[str]:
        return [state.phase for state in self.states]

    def end(self) -> None:
        self.supervisor.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(40)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with self.slot.lock():
                self.supervisor.run()
        except AlrefError as error:
            self.error = error


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Served]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    started: list[Served] = []

    def start(how: str = "") -> Served:
        started.append(Served(tmp_path, how))
        return started[-1]

    yield start
    for one in started:
        one.end()
    all_gone(pids(tmp_path))


def test_from_start_to_stop(serve: Callable[[str], Served], tmp_path: Path) -> None:
    """Nobody could tell a server that loads from one that is ready, or one that was stopped from one that died."""
    server = serve("")
    until(lambda: server.phases() == ["starting", "serving"])
    state = server.slot.read()
    assert state is not None
    assert (state.phase, state.supervisor, state.server) == ("serving", os.getpid(), pids(tmp_path)[0])
    assert server.slot.alive()
    assert (server.slot.folder.stat().st_mode & 0o777) == 0o700
    with pytest.raises(ConfigError, match="served already"), server.slot.lock():
        pass
    server.end()
    assert server.error is None
    assert server.phases() == ["starting", "serving", "stopped"]
    assert not server.slot.alive()
    all_gone(pids(tmp_path), 0.5)


def test_a_server_that_cannot_start_is_not_started_again(
    serve: Callable[[str], Served], tmp_path: Path
) -> None:
    """A wrong option would be tried for ever, and its reason drown in the log."""
    server = serve("exits")
    server.join()
    assert server.phases() == ["starting", "failed"]
    assert str(server.error) == "vLLM could not start: the dog ate it."
    assert server.error is not None
    assert str(server.slot.log) in server.error.hint
    assert len(pids(tmp_path)) == 3


def test_a_server_that_never_gets_ready(serve: Callable[[str], Served]) -> None:
    """A start would be waited for without end."""
    server = serve("silent")
    server.join()
    assert "not ready after 3 s" in str(server.error)


def test_another_server_at_the_address(serve: Callable[[str], Served]) -> None:
    """Questions would go to a model that nobody chose."""
    server = serve("other")
    server.join()
    assert "does not serve 'tiny' but another" in str(server.error)


def test_crashes_are_followed_by_new_starts_and_then_given_up(
    serve: Callable[[str], Served], tmp_path: Path
) -> None:
    """A night's run would end with the first crash; or a broken GPU would be beaten on for ever."""
    server = serve("dies")
    server.join()
    assert server.phases() == [*["starting", "serving", "waiting"] * 3, "starting", "serving", "failed"]
    assert "ended 4 times in a row" in str(server.error)
    assert server.states[-1].restarts == 3
    pauses = [state.said.split()[-2] for state in server.states if state.phase == "waiting"]
    assert pauses == ["0.05", "0.1", "0.2"]
    logs = sorted(path.name for path in server.slot.folder.glob("server.log*"))
    assert logs == ["server.log", "server.log.1", "server.log.2", "server.log.3"]
    assert len(pids(tmp_path)) == 12


@pytest.mark.parametrize("victim", [0, 1], ids=["api", "engine"])
def test_a_killed_server_comes_back(serve: Callable[[str], Served], victim: int, tmp_path: Path) -> None:
    """Whoever runs out of memory ends the night's run for all (a real engine takes its server along)."""
    server = serve("")
    until(lambda: server.phases()[-1:] == ["serving"])
    first = pids(tmp_path)
    for process in first[: victim + 1]:
        os.kill(process, signal.SIGKILL)
    until(lambda: server.phases()[1:] == ["serving", "waiting", "starting", "serving"])
    all_gone(first, 1)
    assert all(map(birth, pids(tmp_path)[3:]))
    state = server.slot.read()
    assert state is not None
    assert state.restarts == 1


def test_a_server_that_falls_ill_is_started_anew(serve: Callable[[str], Served]) -> None:
    """A server that hangs would be waited for, since it has not died."""
    server = serve("sick")
    until(lambda: "waiting" in server.phases())
    waiting = next(state for state in server.states if state.phase == "waiting")
    assert "did not answer well for 1 s" in waiting.said


def test_stop_does_not_wait_for_a_pause(serve: Callable[[str], Served], tmp_path: Path) -> None:
    """A person who stops a crashing server would wait for the next crash."""
    server = serve("dies")
    until(lambda: "waiting" in server.phases())
    server.end()
    assert server.error is None
    assert server.phases()[-1] == "stopped"


def test_leftovers_of_two_kills_are_ended_first(serve: Callable[[str], Served], tmp_path: Path) -> None:
    """After the worst, the next start would find the GPU full."""
    first = serve("")
    until(lambda: first.phases()[-1:] == ["serving"])
    first.end()
    with first.slot.log.open("a") as log:  # an engine that outlived both its supervisor and its watchdog
        engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=log)
    launch = prepare(Asked(load_card(tmp_path / "fake.yaml"), config="tiny"), Host()).launch
    supervisor = Supervisor(launch, first.slot, QUICK, first.states.append)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    until(lambda: first.phases()[-1] == "serving")
    assert engine.wait(1) == -signal.SIGTERM
    supervisor.stop()
    thread.join()
    assert any("1 processes of an earlier start were ended" in state.said for state in first.states)


@pytest.mark.parametrize(("crash", "seconds"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)])
def test_pauses_double_up_to_a_minute(crash: int, seconds: float) -> None:
    """A crash would be followed by another at once, or by an hour of nothing."""
    assert Pace().before(crash) == seconds


SIGNALS = """
import signal
from alref_local.serve.supervisor import _StopSign

sign = _StopSign()
signal.signal(signal.SIGALRM, lambda *_: sign.set())
signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
for _ in range(20_000):
    sign.wait(0.0001)
signal.setitimer(signal.ITIMER_REAL, 0)
assert sign.is_set()
"""


def test_a_signal_in_the_middle_of_waiting() -> None:
    """Once in many times Ctrl-C, systemd or a closed terminal would hang the supervisor instead of ending it."""
    subprocess.run([sys.executable, "-c", SIGNALS], check=True, timeout=60)
