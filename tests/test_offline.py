"""Offline for real: whatever would leave this machine is refused, and nothing tries."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from alref_local.offline import QUIET, child_environment, go_offline, keep_quiet, offline_asked
from tests.cli.kit import call

RUN = "from alref_local.cli import main; main()"


def run(environment: dict[str, str], *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, words)], env=environment, capture_output=True, text=True
    )


def test_the_guard_sees_what_leaves(loopback_only: list[str]) -> None:
    """The tests below would pass although everything is told to the world."""
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname()).close()
    assert loopback_only == []
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_INET6) as sixth,
    ):
        for attempt in (
            lambda: socket.create_connection(("192.0.2.1", 80)),
            lambda: socket.getaddrinfo("example.org", 443),
            lambda: datagrams.sendto(b"x", ("192.0.2.1", 53)),
            lambda: sixth.connect(("2001:db8::1", 80)),
        ):
            with pytest.raises(OSError, match="refused here"):
                attempt()
    assert len(loopback_only) == 4
    loopback_only.clear()
    server.close()


def test_the_guard_reaches_children(loopback_children: dict[str, str]) -> None:
    """A worker or server would leave unseen."""
    grandchild = "import socket; socket.create_connection(('192.0.2.1', 80))"
    child = (
        f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {grandchild!r}]).returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", child], env=loopback_children, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "refused here" in done.stderr
    report = Path(loopback_children["ALREF_SOCKET_REPORT"])
    assert "192.0.2.1" in report.read_text()
    report.unlink()


def test_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library would report its use because a variable of the caller's allows it."""
    monkeypatch.setattr("os.environ", {"DO_NOT_TRACK": "0"})
    keep_quiet()
    assert QUIET.items() <= os.environ.items()
    assert not offline_asked()
    assert "HF_HUB_OFFLINE" not in child_environment(offline=False)
    assert child_environment(offline=True)["HF_HUB_OFFLINE"] == "1"
    go_offline()
    assert offline_asked()
    assert os.environ["TRANSFORMERS_OFFLINE"] == "1"


def test_the_libraries_listen() -> None:
    """The variables would be called otherwise than the libraries read them."""
    code = (
        "from alref_local.offline import *; keep_quiet(); go_offline(); import huggingface_hub.constants as hub; "
        "assert hub.HF_HUB_DISABLE_TELEMETRY and hub.HF_HUB_OFFLINE and hub.HF_HUB_DISABLE_UPDATE_CHECK"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    from huggingface_hub import constants

    assert not constants.HF_HUB_OFFLINE
    go_offline()
    assert constants.HF_HUB_OFFLINE  # although it was imported before


@pytest.mark.usefixtures("loopback_only")
@pytest.mark.parametrize(
    "words", [["list"], ["path", "tiny:sam2"], ["verify"], ["pull", "facebook/sam2-hiera-tiny"]]
)
def test_models_commands(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that only looks would ask the hub."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert call("models", *words) == (3 if words[0] == "pull" else 0)


@pytest.mark.parametrize(
    "words",
    [
        ["segment", "nowhere.mp4", "the dog"],
        ["evaluate", "nothing", "--run", "run"],
        ["selftest", "-c", "nothing"],
        ["tables", "3", "--run", "run", "--data", "nothing"],
        ["doctor", "-c", "nothing"],
    ],
)
def test_the_option_is_the_variable(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library, or a worker of this command, would look for newer versions on the hub in spite of `--offline`."""
    monkeypatch.chdir(tmp_path)
    words = [*words, "--set", "pivots.frame=first", "--card", "timeout=1"]
    assert call(*words) == 2
    assert not offline_asked()
    assert call(*words, "--offline") == 2
    assert offline_asked()
    assert os.environ["TRANSFORMERS_OFFLINE"] == "1"


@pytest.mark.slow
def test_evaluate(tmp_path: Path, loopback_children: dict[str, str]) -> None:
    """A confidential data set's run would tell somebody that it happened, or what it saw (workers included).

    ``segment`` is in tests/supply/test_air_gap.py.
    """
    words = ("world", "--split", "ladder:800000:1", "--workers", "1", "--run", tmp_path / "run")
    done = run(loopback_children, "evaluate", *words, "--config", "tiny", "--offline", "--json")
    assert done.returncode == 0, done.stderr
    assert "J&F" in json.loads(done.stdout)["scores"]
