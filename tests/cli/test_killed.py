"""Runs that are killed: the same command again ends in the same masks."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alref_local.media.encode import write_video
from alref_local.reason.calls import read_calls
from alref_local.runs import open_run
from tests.cli.kit import FAKES, call
from tests.fakes import numbered_video
from tests.reason.chat_server import ChatServer, Handler, says, stalls

ROOT = Path(__file__).parents[2]


def start(source: Path, out: Path, *more: str | Path) -> subprocess.Popen[bytes]:
    words = ["segment", source, "the dog", "the cat", "-o", out, *more]
    fakes = ["grounding.engine=tests.fakes:BoxesByFrame", "segmentation.engine=tests.cli.slow:SlowSegmentor"]
    options = [word for fake in fakes for word in ("--set", fake)]
    return subprocess.Popen(
        [sys.executable, "-c", "from alref_local.cli import main; main()", *map(str, words), *options],
        env=os.environ | {"PYTHONPATH": str(ROOT), "SLOW": "0.05"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(clips: Path, out: Path) -> None:
    running = start(clips, out)
    _, told = running.communicate()
    assert running.returncode == 0, told


def fingerprints(out: Path) -> dict[str, str]:
    return {run.name: open_run(run).masks_sha256() for run in sorted(out.iterdir())}


def kill_at(tmp_path: Path, moments: list[float]) -> None:
    """Kill one command again and again, a while after its first file each time; then let it end."""
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    for name in ("a", "b", "c"):
        write_video(clips / f"{name}.mp4", numbered_video(12).images, 10.0)
    finish(clips, tmp_path / "undisturbed")
    for moment in moments:
        running = start(clips, out)
        while running.poll() is None and not any(out.glob("*/config.yaml")):
            time.sleep(0.02)
        time.sleep(moment)
        running.kill()
        running.communicate()
    finish(clips, out)
    assert fingerprints(out) == fingerprints(tmp_path / "undisturbed")
    assert not list(out.rglob("*.part"))


@pytest.mark.slow
def test_killed_then_started_again(tmp_path: Path) -> None:
    """A crash in the middle of a list would cost what was finished, or change what comes after."""
    kill_at(tmp_path, [0.6, 1.1])


def by_question(handler: Handler) -> None:
    """An answer of its own to every question, the same whenever it is asked."""
    digest = hashlib.sha256(json.dumps(handler.asked["messages"]).encode()).digest()
    says(f"I looked. ANSWER: [{1 + digest[0] % 2}]")(handler)


def addresses(out: Path) -> list[str]:
    return [json.dumps(call["address"]) for call in read_calls(out) if call["answer"] is not None]


def masks(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("masks/*/*.png"))}


@pytest.mark.parametrize("cache", ["--cache", "--no-cache"])
def test_killed_while_it_asks(cache: str, tmp_path: Path) -> None:
    """A crash would cost every answer that was paid for, or change the masks of those that were not."""
    clip, out, mine = tmp_path / "clip.mp4", tmp_path / "out", tmp_path / "mine.yaml"
    write_video(clip, numbered_video(60).images, 10.0)
    sampling = ["sampling.interval=4", "sampling.frames=3"]
    protocol = ["-c", "paper/mevis", *FAKES, *(word for one in sampling for word in ("--set", one))]
    known = 7
    with ChatServer(*[by_question] * known, then=stalls) as server:
        mine.write_text(f"kind: openai\nmodel: m\nendpoint: {server.url}\nconcurrency: 4\n")
        asking: list[str | Path] = [*protocol, "-b", mine]
        command: list[str | Path] = ["segment", clip, "the dog", "the cat"]
        running = start(clip, out, *asking, cache)
        while running.poll() is None and not (
            (out / "calls.jsonl").exists()
            and len(addresses(out)) == known
            and len(server.requests) == known + 4
        ):
            time.sleep(0.02)
        running.kill()
        running.communicate()
        before = addresses(out)
        assert len(before) == known

        server.then, asked = by_question, len(server.requests)
        assert call(*command, "-o", out, *asking, cache) == 0
        # Five clips, two sentences, two steps: what was answered is not asked again, all else is, once.
        assert len(server.requests) - asked == 20 - known
        after = addresses(out)
        assert after[:known] == before
        assert len(set(after)) == len(after) == 20
        assert call(*command, "-o", tmp_path / "undisturbed", *asking, "--no-cache") == 0
    assert call(*command, "-o", tmp_path / "replayed", *protocol, "-b", f"replay:{out}") == 0
    assert len(masks(out)) == 2 * 60
    assert masks(out) == masks(tmp_path / "undisturbed") == masks(tmp_path / "replayed")


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random(tmp_path: Path, seed: int) -> None:
    """Some moment of a run would leave a folder that no later start can finish."""
    chance = random.Random(seed)
    kill_at(tmp_path, [chance.uniform(0, 4) for _ in range(8)])
