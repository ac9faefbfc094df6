"""`evaluate` from the outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from alref_local.metrics import score_folders
from alref_local.runs import open_run
from tests.cli.kit import FAKES, call
from tests.cli.test_killed import by_question
from tests.datasets.miniatures import MINIATURES
from tests.evaluate.outcome import outcome
from tests.reason.chat_server import ChatServer, Handler

ROOT = Path(__file__).parents[2]
MAIN = "from alref_local.cli import main; main()"
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def tests_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes can import the stand-ins."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.parametrize("name", list(MINIATURES))
def test_every_layout(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A data set could be read, but not evaluated."""
    MINIATURES[name](tmp_path / "data")
    words: list[str | Path] = ["evaluate", name, "--root", tmp_path / "data", "--run", tmp_path / "run"]
    assert call(*words, "-c", "tiny", "--limit", "1", "--json", "--workers", "1") == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert json.loads((tmp_path / "run/result.json").read_text()) | {"failed": []} == result
    assert result["videos"] == 1
    assert result["missing"] == []
    assert result["scores"]
    assert "1/1" in told.err
    (item,) = (tmp_path / "run/items").iterdir()
    assert open_run(item).masks_sha256() == open_run(item).manifest["masks_sha256"]
    if name == "ref-youtube-vos":
        truth = tmp_path / "data/valid/Annotations/0a1b"
        scores = score_folders(item / "masks", truth)
        assert result["scores"] == pytest.approx(scores["mean"])
    if name == "ref-davis17":
        assert len(list((item / "merged").glob("anno_[0-3]/0000[0-3].png"))) == 16


def test_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Masks or figures would depend on the number of processes."""
    words: list[str | Path] = ["evaluate", "world", "--split", "easy:800000:3", "-c", "tiny"]
    for workers in ("1", "2"):
        assert call(*words, "--workers", workers, "--run", tmp_path / workers) == 0
        told = capsys.readouterr()
        assert "3/3" in told.err
        assert told.out.splitlines()[0].split() == ["J&F", "J", "F"]
    assert outcome(tmp_path / "1") == outcome(tmp_path / "2")
    assert len(outcome(tmp_path / "1")) > 3 * 24

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "1/items").rglob("*.*")}
    assert call(*words, "--run", tmp_path / "1") == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "1/items").rglob("*.*")} == before
    assert call(*words, "--run", tmp_path / "1", "--set", "sampling.frames=4") == 2
    assert "config.sampling.frames was 6, not 4" in capsys.readouterr().err


def test_replay_and_endpoints(tmp_path: Path) -> None:
    """A finished evaluation could not be repeated without the model, or one of two servers would do all the work."""
    words: list[str | Path] = ["evaluate", "world", "--split", "easy:800000:2", "-c", "paper/mevis", *FAKES]
    asking: list[str | Path] = ["-b", "openai-compatible", "--card", "model=m", "--no-cache"]
    with ChatServer(then=by_question) as one, ChatServer(then=by_question) as two:
        urls = ["--endpoint", one.url, "--endpoint", two.url]
        assert call(*words, *asking, *urls, "--run", tmp_path / "asked") == 0
    assert len(one.requests) == len(two.requests) > 0
    assert call(*words, "-b", f"replay:{tmp_path / 'asked'}", "--run", tmp_path / "replayed") == 0
    asked, replayed = outcome(tmp_path / "asked"), outcome(tmp_path / "replayed")
    assert asked.pop("result.json") != replayed.pop("result.json")  # they name their backends
    assert asked == replayed


def test_one_waits_while_others_are_done(tmp_path: Path) -> None:
    """The models would stand still while a language model thinks."""
    words = ["evaluate", "world", "--split", "easy:800000:3", "-c", "paper/mevis", *FAKES, "--no-cache"]
    words += [
        "-b",
        "openai-compatible",
        "--card",
        "model=m",
        "--card",
        "concurrency=4",
        "--workers",
        "1",
        "--run",
        str(tmp_path / "run"),
    ]
    thought = threading.Event()
    asked: list[str] = []

    def thinks(handler: Handler) -> None:
        """At length about the first question, and not at all about those of other videos."""
        sentence = json.dumps(handler.asked)
        with handler.server.lock:
            asked.append(sentence)
        if sentence == asked[0]:
            thought.wait(100)
        by_question(handler)

    with ChatServer(then=thinks) as server:
        running = subprocess.Popen(
            [sys.executable, "-c", MAIN, *words, "--endpoint", server.url], stderr=subprocess.PIPE
        )
        done, deadline = 0, time.monotonic() + 80
        while running.poll() is None and done < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
            done = len(list((tmp_path / "run").glob("items/*/manifest.json")))
        thought.set()
        _, told = running.communicate()
    assert running.returncode == 0, told
    assert done == 2


def test_failing_items(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One broken video would end a run of a day, or be forgotten."""
    root, run = tmp_path / "data", tmp_path / "run"
    MINIATURES["ref-youtube-vos"](root)
    frame = root / "valid/JPEGImages/0a1b/00005.jpg"
    shutil.move(frame, tmp_path / "away.jpg")
    words: list[str | Path] = ["evaluate", "ref-youtube-vos", "--root", root, "--run", run, *FAKES]
    assert call(*words, "--workers", "1") == 1
    told = capsys.readouterr()
    assert "0a1b failed: " in told.err
    assert "holds 3 frames, 3 of the 4 that are listed" in told.err
    assert "1 failed; the same command tries them again." in told.err
    result = json.loads((run / "result.json").read_text())
    assert (result["videos"], result["missing"]) == (1, ["0a1b"])

    shutil.move(tmp_path / "away.jpg", frame)
    assert call(*words, "--workers", "1") == 0
    assert json.loads((run / "result.json").read_text())["missing"] == []
    timings = json.loads((run / "timings.json").read_text())["items"]
    assert {id: one["attempts"] for id, one in timings.items()} == {"0a1b": 2, "ff00": 1}


def test_what_cannot_be_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One damaged mask would take away the figures of a run of a day."""
    root, run = tmp_path / "data", tmp_path / "run"
    MINIATURES["ref-youtube-vos"](root)
    words: list[str | Path] = ["evaluate", "ref-youtube-vos", "--root", root, "--run", run, *FAKES]
    assert call(*words, "--workers", "1") == 0
    whole = (run / "result.json").read_bytes()
    rows = json.loads(whole)["rows"]
    damaged = (root / "valid/Annotations/0a1b/1/00010.png", run / "items/ff00/masks.json")
    for file, id, other in zip(damaged, ("0a1b", "ff00"), ("ff00", "0a1b"), strict=True):
        good = file.read_bytes()
        file.write_bytes(good[:50])
        capsys.readouterr()
        assert call(*words) == 1
        told = capsys.readouterr().err
        assert f"{id} is not scored: " in told
        assert str(file) in told
        result = json.loads((run / "result.json").read_text())
        assert (result["missing"], list(result["unscored"])) == ([], [id])
        assert str(file) in result["unscored"][id]
        assert (result["videos"], result["rows"]) == (1, {other: rows[other]})
        file.write_bytes(good)
    assert call(*words) == 0
    assert (run / "result.json").read_bytes() == whole


@pytest.mark.parametrize("lost", ["", "manifest.json"])
def test_what_is_gone_is_made_again(lost: str, tmp_path: Path) -> None:
    """A run folder that was removed, or is not whole, could never be had again."""
    run = tmp_path / "run"
    words: list[str | Path] = ["evaluate", "world", "--split", "easy:800000:2", "--run", run, *FAKES]
    assert call(*words, "--workers", "1") == 0
    before = outcome(run)
    folder = next((run / "items").iterdir())
    (folder / lost).unlink() if lost else shutil.rmtree(folder)
    assert call(*words, "--workers", "1") == 0
    assert outcome(run) == before


def test_something_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every video of a data set would fail one after another for want of the same weights or server."""
    words: list[str | Path] = ["evaluate", "world", "--split", "easy:800000:2", "--run", tmp_path / "run"]
    weights = ["--set", f"segmentation.model={tmp_path / 'nowhere'}"]
    assert call(*words, "-c", "tiny", *weights) == 3
    assert "nowhere" in capsys.readouterr().err

    server = ["-b", "openai-compatible", "--endpoint", "http://127.0.0.1:9/v1", "--card", "model=m"]
    again = [one if one != tmp_path / "run" else tmp_path / "other" for one in words]
    assert call(*again, *FAKES, *server) == 3
    assert "No server answers at http://127.0.0.1:9/v1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "There is no data set 'nothing'"),
        (["world", "--split", "easy"], "is not PRESET:SEED:CLIPS"),
        (["world", "-c", "nothing"], "There is no config 'nothing'"),
        (["world", "--endpoint", "http://127.0.0.1:9/v1"], "has no endpoint"),
        (["ref-davis17", "--root", "/nowhere"], "is missing"),
    ],
)
def test_wrong_words(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped command would start a run, or end in a traceback."""
    assert call("evaluate", *words, "--run", tmp_path / "run") == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run" / "items").exists()


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C would leave processes behind, or a run that cannot go on."""
    fakes = ["grounding.engine=tests.fakes:BoxesByFrame", "segmentation.engine=tests.cli.slow:SlowSegmentor"]
    words: list[Any] = ["evaluate", "world", "--split", "easy:800000:2", "--run", tmp_path / "run"]
    words += [word for fake in fakes for word in ("--set", fake)]
    running = subprocess.Popen(
        [sys.executable, "-c", MAIN, *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not (tmp_path / "run/items").exists() and running.poll() is None:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all processes
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130, told
    assert b"Interrupted" in told
    assert b"Traceback" not in told
    deadline = time.monotonic() + 10
    while lives(running.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not lives(running.pid)


def lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
