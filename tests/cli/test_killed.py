"""Runs that are killed: the same command again ends in the same masks."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alref_local.media.encode import write_video
from alref_local.runs import open_run
from tests.fakes import numbered_video

ROOT = Path(__file__).parents[2]


def start(clips: Path, out: Path) -> subprocess.Popen[bytes]:
    words = ["segment", str(clips), "the dog", "the cat", "-o", str(out)]
    fakes = ["grounding.engine=tests.fakes:BoxesByFrame", "segmentation.engine=tests.cli.slow:SlowSegmentor"]
    options = [word for fake in fakes for word in ("--set", fake)]
    return subprocess.Popen(
        [sys.executable, "-c", "from alref_local.cli import main; main()", *words, *options],
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


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random(tmp_path: Path, seed: int) -> None:
    """Some moment of a run would leave a folder that no later start can finish."""
    chance = random.Random(seed)
    kill_at(tmp_path, [chance.uniform(0, 4) for _ in range(8)])
