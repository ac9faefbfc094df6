"""Whatever is killed, nothing of a server stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alref_local.serve import control
from alref_local.serve.process import ServerProcess, sweep
from alref_local.serve.state import State
from alref_local.serve.watchdog import birth, descendants
from tests.serve.serve_kit import FAKE, ROOT, all_gone, free_port, pids, until

STARTER = """
import sys, time
from pathlib import Path
from alref_local.serve.process import ServerProcess
folder, how, *words = sys.argv[1:]
server = ServerProcess(words, {"FAKE": how, "FAKE_PIDS": folder + "/pids"}, Path(folder) / "log")
print(server.pid, server._watchdog.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watchdog that is killed leaves its folder of them."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def words() -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(free_port()), "--served-model-name", "tiny"]
    return [sys.executable, str(FAKE), "serve", "model", *where]


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A fake server with its engine and the engine's child, started by this process."""
    how = getattr(request, "param", "stubborn")
    log = tmp_path / "log"
    own = {"FAKE": how, "FAKE_PIDS": str(tmp_path / "pids")}
    started = ServerProcess(words(), own, log, grace=0.3)
    until(lambda: len(pids(tmp_path)) == 3)
    yield started
    started.stop()


def test_a_server_is_a_tree_with_an_escaped_leaf(server: ServerProcess, tmp_path: Path) -> None:
    """The tests below would pass for a server that has no children."""
    api, engine, worker = pids(tmp_path)
    assert api == server.pid
    assert descendants(api) == [engine, worker]
    until(lambda: os.getsid(worker) == worker)
    assert os.getsid(engine) == api


@pytest.mark.parametrize("server", ["", "stubborn"], indirect=True)
def test_stop_ends_everything(server: ServerProcess, tmp_path: Path) -> None:
    """A stopped server would keep its GPU."""
    assert server.poll() is None
    server.stop()
    assert not any(map(birth, pids(tmp_path)))
    server.stop()


@pytest.mark.parametrize("victim", [0, "watchdog"], ids=["api", "watchdog"])
def test_a_killed_process_takes_the_others_along(
    server: ServerProcess, victim: int | str, tmp_path: Path
) -> None:
    """An engine without its server would hold 20 GB of a GPU for ever, and nobody could tell why."""
    processes = pids(tmp_path)
    os.kill(server._watchdog.pid if victim == "watchdog" else processes[0], signal.SIGKILL)
    until(lambda: server.poll() is not None, 10)
    all_gone(processes[:2] if victim == "watchdog" else processes, 1)
    if victim == "watchdog":  # the leaf left the session and writes to no log: nobody knows it any more
        os.kill(processes[2], signal.SIGKILL)


@pytest.mark.parametrize("victims", [["starter"], ["starter", "watchdog"]], ids=["supervisor", "both"])
def test_a_killed_supervisor_takes_its_server_along(victims: list[str], tmp_path: Path) -> None:
    """A crash of the supervisor would leave a server that nobody watches; the next start would find the GPU full."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path), "stubborn", *words()],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert starter.stdout is not None
    _, watchdog = map(int, starter.stdout.readline().split())
    until(lambda: len(pids(tmp_path)) == 3)
    starter.stdout.close()
    starter.kill()
    if "watchdog" in victims:
        os.kill(watchdog, signal.SIGKILL)
    starter.wait()
    processes = pids(tmp_path)
    if "watchdog" in victims:  # the next start finds what two kills at once leave
        all_gone([watchdog, processes[0]], 5)
        assert sweep(tmp_path / "log", grace=0.1) == 1
        all_gone(processes[:2], 5)
        os.kill(processes[2], signal.SIGKILL)
    else:
        all_gone([watchdog, *processes])


def test_a_python_without_pidfd_keeps_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pythons of conda and python-build-standalone lack it, and old kernels: nothing could be served or stopped."""
    bare = (
        "import os, runpy, sys; vars(os).pop('pidfd_open'); runpy.run_path(sys.argv[1], run_name='__main__')"
    )
    log = tmp_path / "log"
    for command, code in (("sys.exit(7)", 7), ("import time; time.sleep(60)", None)):
        order = {"command": [sys.executable, "-c", f"import sys; {command}"], "environment": {}, "grace": 0.3}
        watchdog = subprocess.Popen(
            [sys.executable, "-c", bare, birth.__code__.co_filename],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert watchdog.stdin is not None
        assert watchdog.stdout is not None
        watchdog.stdin.write(json.dumps({**order, "log": str(log)}).encode() + b"\n")
        watchdog.stdin.flush()
        server = int(watchdog.stdout.readline())
        if code is None:
            watchdog.stdin.close()
        assert watchdog.wait(20) == (code or 0)
        assert not birth(server)
        watchdog.stdin.close()
        watchdog.stdout.close()


def test_the_supervisor_itself_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that has got its number since would be ended, or a whole group of them."""
    monkeypatch.delattr(os, "pidfd_open")
    sleep = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    state = State(
        "qwen", "tiny", "http://127.0.0.1/v1", "serving", supervisor=sleep.pid, born=birth(sleep.pid)
    )
    monkeypatch.setattr(control, "birth", lambda _: 0)
    control._ask(replace(state, supervisor=0, born=0))
    control._ask(state)
    assert sleep.poll() is None
    monkeypatch.setattr(control, "birth", birth)
    control._ask(state)
    assert sleep.wait(20) == -signal.SIGTERM
    control._ask(state)


def test_only_writers_of_the_log_are_swept(tmp_path: Path) -> None:
    """Somebody who reads the log, or another server, would be killed."""
    log, other = tmp_path / "log", tmp_path / "other"
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    log.touch()
    with log.open() as read, log.open("a") as write, other.open("a") as elsewhere:
        reader = subprocess.Popen(sleep, stdin=read, stdout=elsewhere)
        writer = subprocess.Popen(sleep, stdout=write)
    try:
        assert sweep(log, grace=0.5) == 1
        assert writer.wait(5) == -signal.SIGTERM
        assert reader.poll() is None
        assert sweep(log) == 0
    finally:
        reader.kill()
        reader.wait()


def test_writers_are_found_behind_a_link(tmp_path: Path) -> None:
    """A home or a state folder that is a link would hide what two kills at once leave, and its GPU stay full."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    log = tmp_path / "link/log"
    with log.open("a") as write:
        writer = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=write)
    try:
        assert sweep(log, grace=0.5) == 1
        assert writer.wait(5) == -signal.SIGTERM
    finally:
        writer.kill()
        writer.wait()


def test_a_command_that_is_none(tmp_path: Path) -> None:
    """A wrong path would look like a server that starts for ever."""
    server = ServerProcess([str(tmp_path / "nothing")], {}, tmp_path / "log")
    until(lambda: server.poll() == 127)
    assert "cannot be started" in (tmp_path / "log").read_text()


def test_exit_codes_are_those_of_the_command(tmp_path: Path) -> None:
    """A crash would be told as an orderly end."""
    for code in ("sys.exit(0)", "sys.exit(7)", "os.kill(os.getpid(), 9)"):
        server = ServerProcess([sys.executable, "-c", f"import os, sys; {code}"], {}, tmp_path / "log")
        until(lambda server=server: server.poll() is not None)  # type: ignore[misc]
        assert server.poll() == {"sys.exit(0)": 0, "sys.exit(7)": 7}.get(code, 137)


def test_birth_tells_processes_apart() -> None:
    """A process that got the number of a dead supervisor would be asked to end in its place."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert birth(child.pid) > birth(os.getpid()) > 0
    child.kill()
    until(lambda: birth(child.pid) == 0)  # dead, though not buried
    child.wait()
    assert birth(2**22 + 1) == 0
