"""`serve`, `serve status`, `logs` and `stop` from the outside, with a server that is quick to start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from alref_local.cli import main
from alref_local.reason.card import load_card
from alref_local.serve.control import status, stop
from alref_local.serve.health import look
from alref_local.serve.prepare import Asked, prepare
from alref_local.serve.state import Slot, slots
from tests.cli.kit import call
from tests.serve.serve_kit import ROOT, RUN, all_gone, fake_card, free_port, pids, until

TINY = ("--config", "tiny")


class Typed(NamedTuple):
    """What a command ends with, and says."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Servers of a test's own, which are ended with it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield
    for slot in slots():
        stop(slot)
    if pids(tmp_path):
        all_gone(pids(tmp_path))


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Callable[..., Typed]:
    """Types a command."""

    def run(*words: str | Path) -> Typed:
        code = call(*words)
        return Typed(code, *capfd.readouterr())

    return run


def said() -> list[dict[str, Any]]:
    return [status(slot) for slot in slots()]


def test_in_the_background(tmp_path: Path, typed: Callable[..., Typed]) -> None:
    """A person at a distant machine could not log out, see how it goes, or end what they began."""
    card = fake_card(tmp_path)
    endpoint = load_card(card).endpoint
    assert json.loads(typed("serve", "status", "--json").out) == []
    begun = typed("serve", card, "--detach", *TINY)
    assert begun.code == 0, begun.err
    assert f"tiny is ready at {endpoint}" in begun.out
    assert look(endpoint, "tiny").state == "ready"

    (row,) = json.loads(typed("serve", "status", "fake", "--json").out)
    assert (row["phase"], row["backend"], row["endpoint"]) == ("serving", "fake", endpoint)
    assert row["server"] == pids(tmp_path)[0]
    assert typed("serve", "status").code == 0
    again = typed("serve", card, *TINY)
    assert again.code == 2
    assert f"served already at {endpoint}" in again.err
    assert "[launcher.py:195] hello" in typed("serve", "logs", "fake").out
    assert typed("serve", "logs", "fake", "-n", "0").out == ""

    assert "Stopped: fake-" in typed("serve", "stop", card).out
    all_gone(pids(tmp_path), 0.5)
    assert look(endpoint, "tiny").state == "silent"
    (row,) = said()
    assert (row["phase"], row["server"], row["supervisor"]) == ("stopped", None, None)
    assert typed("serve", "status").code == 1
    assert "Nothing was running" in typed("serve", "stop").out


@pytest.mark.parametrize("victim", ["supervisor", "everything"])
def test_the_next_start_works_whatever_was_killed(victim: str, tmp_path: Path) -> None:
    """After a crash, or a hurried administrator, nothing would start again."""
    card = fake_card(tmp_path)
    assert call("serve", card, "--detach", *TINY) == 0
    (row,) = said()
    doomed = [row["supervisor"]] if victim == "supervisor" else [row["supervisor"], *pids(tmp_path)]
    for process in doomed:
        os.kill(process, signal.SIGKILL)
    all_gone([row["supervisor"], *pids(tmp_path)])
    assert [row["phase"] for row in said()] == ["killed"]
    assert call("serve", card, "--detach", *TINY) == 0
    assert [row["phase"] for row in said()] == ["serving"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_in_the_foreground(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C, systemd, or a closed terminal would leave a server behind, or end with an error."""
    card = fake_card(tmp_path)
    running = subprocess.Popen(
        [sys.executable, "-c", RUN, "serve", str(card), *TINY],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: said() and said()[0]["phase"] == "serving")
    running.send_signal(number)
    _, errors = running.communicate(timeout=20)
    assert running.returncode == 0
    assert "fake: ready at http://127.0.0.1:" in errors
    assert errors.rstrip().endswith("fake: stopped")
    all_gone(pids(tmp_path), 0.5)


@pytest.mark.parametrize("detach", [[], ["--detach"]], ids=["foreground", "background"])
def test_a_server_that_cannot_start_says_why(
    detach: list[str], tmp_path: Path, typed: Callable[..., Typed]
) -> None:
    """A person would have to read a log to learn of a typing mistake."""
    done = typed("serve", fake_card(tmp_path, "exits"), *detach, *TINY)
    assert done.code == 1
    assert "Error: vLLM could not start: the dog ate it." in done.err
    assert "serve logs fake" in done.err
    assert "Traceback" not in done.err
    (row,) = said()
    assert (row["phase"], row["said"]) == ("failed", "vLLM could not start: the dog ate it.")


def test_a_port_in_use(tmp_path: Path, typed: Callable[..., Typed]) -> None:
    """vLLM would load for minutes, and then find its place taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = typed("serve", fake_card(tmp_path, port=port), *TINY)
    assert done.code == 2
    assert f"Port {port} of 127.0.0.1 is in use" in done.err
    assert f"--card endpoint=http://127.0.0.1:{port + 1}/v1" in done.err
    assert pids(tmp_path) == []


def test_others_need_a_key(tmp_path: Path, typed: Callable[..., Typed]) -> None:
    """A server for a whole lab would be one for the whole network, or its users would not know its key."""
    card = fake_card(tmp_path)
    done = typed("serve", card, "--detach", "--host", "0.0.0.0", *TINY)
    assert done.code == 0, done.err
    (row,) = said()
    key = Path(str(row["key"])).read_text().strip()
    assert "Ask it with --card key_env=ALREF_SERVER_KEY." in done.out
    assert f'export ALREF_SERVER_KEY="$(cat {row["key"]})"' in done.out
    assert key not in done.out + done.err
    assert key not in Path(f"/proc/{row['server']}/cmdline").read_text()
    assert key not in Slot(Path(str(row["key"])).parent).folder.joinpath("state.json").read_text()
    assert look(str(row["endpoint"]), "tiny").state == "sick"
    assert look(str(row["endpoint"]), "tiny", key).state == "ready"


def test_another_port_is_told(tmp_path: Path) -> None:
    """Questions would go to the server of somebody else, at the card's own port."""
    card, port = load_card(fake_card(tmp_path)), free_port()
    assert prepare(Asked(card, "tiny")).changes == ()
    assert prepare(Asked(card, "tiny", port=port)).changes == (f"endpoint=http://127.0.0.1:{port}/v1",)


def test_a_dry_run_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person would have to start a server to see its command."""
    card = fake_card(tmp_path)
    assert call("serve", card, "--dry-run", "--json", *TINY) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["command"][1] == "serve"
    assert call("serve", card, "--dry-run", "--json", "--host", "0.0.0.0", *TINY) == 0
    assert "--middleware" in json.loads(capsys.readouterr().out)["command"]
    assert not list(tmp_path.rglob("key"))
    assert pids(tmp_path) == []


def test_what_is_missing_is_named(
    tmp_path: Path, typed: Callable[..., Typed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person would learn what is missing one traceback at a time."""
    monkeypatch.delenv("ALREF_VLLM", raising=False)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("PATH", str(tmp_path))
        elsewhere.setattr("sys.executable", str(tmp_path / "python"))
        missing = typed("serve", "qwen")
    assert missing.code == 3
    assert "pip install vllm" in missing.err
    card = fake_card(tmp_path)
    monkeypatch.setenv("ALREF_VLLM", str(tmp_path / "vllm"))
    missing = typed("serve", "qwen")
    assert missing.code == 3
    assert "models pull Qwen/Qwen2-VL-7B-Instruct" in missing.err
    (tmp_path / "vllm/bin/python").write_text("#!/bin/sh\necho 0.10.2\n")
    missing = typed("serve", card)
    assert missing.code == 3
    assert "older than 0.12" in missing.err
    monkeypatch.setenv("ALREF_VLLM", str(tmp_path / "nowhere"))
    missing = typed("serve", "qwen")
    assert missing.code == 2
    assert "does not exist" in missing.err
    missing = typed("serve", "stop", "qwen")
    assert missing.code == 2
    assert "No server 'qwen' was started here" in missing.err


def test_help_names_the_four_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody would find `serve stop`."""
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    assert all(f"serve {word}" in text for word in ("BACKEND", "status", "logs", "stop"))
