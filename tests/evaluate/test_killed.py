"""Evaluations whose processes are killed: started again, they end in the same masks and figures."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alref_local.media.encode import write_video
from alref_local.reason.calls import read_calls
from tests.cli.test_killed import by_question
from tests.evaluate.outcome import outcome
from tests.fakes import numbered_video
from tests.reason.chat_server import ChatServer, Handler, resets

ROOT = Path(__file__).parents[2]
ITEMS = 5
AT_ONCE = 6
"""Questions that a worker has in flight: the card's concurrency."""

CARD = "kind: openai\nmodel: m\nendpoint: {}\nconcurrency: 6\npatience: 0.3\nbackoff: 0.05\n"

pytestmark = pytest.mark.slow


def draw(root: Path) -> None:
    """Clips whose frames carry their numbers, two sentences each."""
    root.mkdir()
    write_video(root / "clip.mp4", numbered_video(24).images, 10.0)
    with (root / "dataset.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["video", "sentence"])
        for number in range(ITEMS):
            (root / f"{number}.mp4").write_bytes((root / "clip.mp4").read_bytes())
            rows.writerows([(f"{number}.mp4", f"the dog {number}"), (f"{number}.mp4", "the cat")])


def slowly(handler: Handler) -> None:
    """An answer of its own to every question, after a while."""
    time.sleep(0.1)
    by_question(handler)


def start(
    root: Path,
    run: Path,
    card: Path,
    workers: int,
    segmentor: str = "tests.cli.slow:SlowSegmentor",
    slow: float = 0.015,
) -> subprocess.Popen[bytes]:
    words = ["evaluate", "own", "--root", root, "--run", run, "-b", card, "-c", "paper/mevis", "--no-cache"]
    changes = [
        "grounding.engine=tests.fakes:BoxesByFrame",
        f"segmentation.engine={segmentor}",
    ]
    changes += ["sampling.interval=4", "sampling.frames=3"]
    words += [word for change in changes for word in ("--set", change)]
    return subprocess.Popen(
        [sys.executable, "-c", "from alref_local.cli import main; main()"]
        + [str(word) for word in [*words, "--workers", workers]],
        env=os.environ | {"PYTHONPATH": str(ROOT), "SLOW": str(slow)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(*command: object) -> None:
    running = start(*command)  # type: ignore[arg-type]
    _, told = running.communicate()
    assert running.returncode == 0, told


def workers_of(pid: int) -> list[int]:
    """The worker processes of a process."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]
    except OSError:  # it has just ended
        return []


def at_work(run: Path, since: int) -> bool:
    """Whether an item was begun since then; each attempt begins by writing its config."""
    return any(path.stat().st_mtime_ns > since for path in run.glob("items/*/config.yaml"))


def finished(run: Path) -> dict[Path, bytes]:
    """Manifests, which hold the time; a second one would differ."""
    return {path: path.read_bytes() for path in run.glob("items/*/manifest.json")}


def disturb(tmp_path: Path, kills: list[tuple[str, float]], workers: int = 1) -> None:
    """Kill an evaluation, a worker of it or its server, a while after an item is begun; then let it end."""
    root, run, card = tmp_path / "data", tmp_path / "run", tmp_path / "mine.yaml"
    draw(root)
    with ChatServer(then=slowly) as server:
        card.write_text(CARD.format(server.url))
        finish(root, tmp_path / "undisturbed", card, workers)
        needed = len(server.requests)
        done: dict[Path, bytes] = {}
        vain = 0
        for who, moment in kills:
            begun = time.time_ns()
            running = start(root, run, card, workers)
            while running.poll() is None and not at_work(run, begun):
                time.sleep(0.01)
            time.sleep(moment)
            if who == "server":
                vain -= len(server.requests)
                server.then = resets
                running.communicate()
                server.then = slowly
                vain += len(server.requests)
            else:
                victims = [running.pid] if who == "parent" else workers_of(running.pid)
                if running.poll() is None and victims:
                    os.kill(random.Random(moment).choice(victims), signal.SIGKILL)
                if who == "worker":
                    time.sleep(0.3)
                    running.kill()  # a moment later, while the next worker is being started
                running.communicate()
            assert done.items() <= finished(run).items()
            done = finished(run)
        finish(root, run, card, workers)
        asked = len(server.requests) - needed - vain
    assert done.items() <= finished(run).items()
    assert outcome(run) == outcome(tmp_path / "undisturbed")
    assert len(outcome(run)) == 1 + ITEMS * (1 + 2 * 24)
    assert not list(run.rglob("*.part"))
    assert needed <= asked <= needed + len(kills) * workers * AT_ONCE
    for item in (run / "items").iterdir():
        answered = [json.dumps(call["address"]) for call in read_calls(item) if call["answer"] is not None]
        assert len(answered) == len(set(answered)) == needed / ITEMS  # what was answered is never asked again


@pytest.mark.timeout(600)
def test_killed_at_six_moments(tmp_path: Path) -> None:
    """A crash would cost what was finished or paid for, or change what comes after."""
    kills = [
        ("parent", 0.2),
        ("worker", 0.3),
        ("server", 0.6),
        ("worker", 0.05),
        ("parent", 1.0),
        ("worker", 1.8),
    ]
    disturb(tmp_path, kills)


def test_a_worker_is_replaced(tmp_path: Path) -> None:
    """One worker that runs out of memory would end the run of all."""
    root, run, card = tmp_path / "data", tmp_path / "run", tmp_path / "mine.yaml"
    draw(root)
    with ChatServer(then=by_question) as server:
        card.write_text(CARD.format(server.url))
        running = start(root, run, card, 1)
        while running.poll() is None and not at_work(run, 0):
            time.sleep(0.01)
        os.kill(workers_of(running.pid)[0], signal.SIGKILL)
        _, told = running.communicate()
    assert running.returncode == 0, told
    timings = json.loads((run / "timings.json").read_text())["items"]
    assert sorted(one["attempts"] for one in timings.values()) == [1, 1, 2, 2, 2]


def test_a_deadly_item(tmp_path: Path) -> None:
    """A video that no memory holds would take one worker after another with it, and the other videos too."""
    root, run = tmp_path / "data", tmp_path / "run"
    draw(root)
    running = start(root, run, Path("none"), 1, "tests.evaluate.deadly:Deadly")
    _, told = running.communicate()
    assert running.returncode == 1, told
    assert b"2.mp4 failed: 2 workers ended while they worked on it (SIGKILL)." in told
    assert len(finished(run)) == ITEMS - 1


def test_no_orphans(tmp_path: Path) -> None:
    """Workers of a killed evaluation would go on for hours, and write where those of the next start write."""
    root, run = tmp_path / "data", tmp_path / "run"
    draw(root)
    running = start(root, run, Path("none"), 1, slow=5)
    while running.poll() is None and not at_work(run, 0):
        time.sleep(0.01)
    running.kill()
    running.communicate(timeout=20)  # it returns when nobody holds the pipe any more
    assert not finished(run)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random(tmp_path: Path, seed: int) -> None:
    """Some moment of a run would leave a folder that no later start can finish."""
    chance = random.Random(seed)
    kills = [(chance.choice(["parent", "worker", "server"]), chance.uniform(0, 3)) for _ in range(10)]
    disturb(tmp_path, kills, workers=1 + seed % 2)
