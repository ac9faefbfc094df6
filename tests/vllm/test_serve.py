"""`serve` with a real vLLM: started, asked, examined, killed, started again, stopped; nothing is left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from alref_local.demo import draw
from alref_local.runs import open_run
from alref_local.serve.control import status, stop
from alref_local.serve.state import Slot, slots
from alref_local.serve.watchdog import birth, descendants
from alref_local.world import make_scene
from tests.cli.kit import call
from tests.serve.serve_kit import all_gone, free_port, until
from tests.supply.test_air_gap import command_on_path
from vllm_server import KEY, VENV, why_not

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]
KEY_ENV = "ALREF_SERVER_KEY"
DOCUMENT = Path(__file__).parents[2] / "docs" / "lab-server.md"


@pytest.fixture
def slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slot]:
    """Where a server of this test stands; it is ended with the test."""
    if reason := why_not():
        pytest.skip(reason)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("ALREF_VLLM", str(VENV))
    monkeypatch.setenv(KEY_ENV, KEY)
    slot = Slot.of("tiny-vllm", free_port())
    yield slot
    for one in slots():
        stop(one)


def reached(url: str, key: str = "", body: dict[str, object] | None = None) -> int:
    """The status of a reply."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_servers_life(slot: Slot, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What the documents promise of `serve` would hold for a stand-in alone."""
    port = slot.folder.name.rpartition("-")[2]
    root = f"http://127.0.0.1:{port}"
    card = ("--card", f"endpoint={root}/v1", "--card", f"key_env={KEY_ENV}", "--card", "timeout=120")
    assert call("serve", "tiny-vllm", "--config", "tiny", "--port", port, "--detach") == 0
    assert f"ready at {root}/v1" in capfd.readouterr().out
    assert status(slot)["phase"] == "serving"

    # It answers whoever has the key, keeps to grammars, and fetches nothing.
    assert call("doctor", "--config", "tiny", "--backend", "tiny-vllm", *card) == 0
    assert "keeps to grammars (pattern A)" in capfd.readouterr().out
    assert [reached(f"{root}{path}") for path in ("/health", "/metrics", "/v1/models")] == [200, 401, 401]
    question = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 1}
    assert reached(f"{root}/invocations", body=question) == 401
    assert reached(f"{root}/invocations", KEY, question) == 200
    picture = {"type": "image_url", "image_url": {"url": f"{root}/health"}}
    asked = {**question, "messages": [{"role": "user", "content": [picture]}]}
    assert reached(f"{root}/v1/chat/completions", KEY, asked) == 400
    scene = make_scene("ladder", 3)
    draw(scene, scene.target, tmp_path / "drawn")
    words = ("segment", tmp_path / "drawn/clip.mp4", scene.target.text, "-c", "tiny", "-b", "tiny-vllm")
    assert call(*words, *card, "-o", tmp_path / "out") == 0
    run = open_run(tmp_path / "out")
    assert run.usage is not None
    assert run.usage.exchanges >= 2

    # Its engine is killed: everything of it goes, and a new one comes.
    before = status(slot)
    (engine,) = [one for one in descendants(before["server"]) if "EngineCore" in title(one)]
    tree = [before["server"], *descendants(before["server"])]
    os.kill(engine, signal.SIGKILL)
    all_gone(tree)
    until(lambda: status(slot)["phase"] == "serving" and status(slot)["restarts"] == 1, 240)
    assert reached(f"{root}/v1/models", KEY) == 200

    # Its API process is killed, then its supervisor while a new one begins.
    again = status(slot)
    tree = [again["server"], *descendants(again["server"])]
    os.kill(again["server"], signal.SIGKILL)
    all_gone(tree)
    until(lambda: status(slot)["restarts"] == 2 and status(slot)["server"])
    tree = descendants(again["supervisor"])
    os.kill(again["supervisor"], signal.SIGKILL)
    all_gone(tree)
    assert status(slot)["phase"] == "killed"
    assert call("serve", "stop", "tiny-vllm") == 0
    assert not any(birth(one) for one in tree)
    assert KEY not in slot.log.read_text() + (slot.folder / "state.json").read_text()


def test_the_rehearsal_of_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever types docs/lab-server.md would be stopped somewhere."""
    if reason := why_not():
        pytest.skip(reason)
    (script,) = re.findall(
        r"## Rehearsal\n.*?```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL
    )
    port = str(free_port())
    (tmp_path / ".venv-vllm").symlink_to(VENV)
    path = f"{command_on_path(tmp_path / 'bin')}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("8765", port)],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(DOCUMENT.parents[1])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = iter(done.stdout.splitlines())
    for wanted in (
        *("is served on the processor", "FAULT  backend", "the server is not there yet", "tiny is ready at"),
        *("tiny-vllm  serving since", "keeps to grammars (pattern A)", "it is served already", "J&F"),
        *("Stopped: tiny-vllm", "tiny-vllm  stopped since", "it has ended"),
    ):
        assert any(wanted in line for line in said), wanted


def title(process: int) -> str:
    """What a process calls itself."""
    return Path(f"/proc/{process}/cmdline").read_text(errors="replace")
