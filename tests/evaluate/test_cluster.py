"""Workers on a real Ray cluster of two nodes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.evaluate.outcome import outcome

ROOT = Path(__file__).parents[2]
WORDS = ["evaluate", "world", "--split", "easy:800000:4", "-c", "tiny", "--workers", "2"]


def start(run: Path, *more: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from alref_local.cli import main; main()", *WORDS, "--run", str(run), *more],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(running: subprocess.Popen[str]) -> None:
    _, told = running.communicate()
    assert running.returncode == 0, told


@pytest.fixture
def address() -> Iterator[str]:
    nodes = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("two_nodes.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert nodes.stdout is not None
    yield nodes.stdout.readline().strip()
    nodes.communicate("")


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (extra cluster)")
def test_two_nodes(address: str, tmp_path: Path) -> None:
    """A cluster would give other figures than one machine, or lose a run whose driver is killed."""
    finish(start(tmp_path / "here"))
    ray = {"RAY_ADDRESS": address}
    finish(start(tmp_path / "there", "--engine", "ray", **ray))
    assert outcome(tmp_path / "there") == outcome(tmp_path / "here")

    killed = start(tmp_path / "killed", "--engine", "ray", **ray)
    while killed.poll() is None and not any((tmp_path / "killed").glob("items/*/config.yaml")):
        time.sleep(0.05)
    time.sleep(1)
    killed.kill()
    killed.communicate()
    finish(start(tmp_path / "killed", "--engine", "ray", **ray))
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray(tmp_path: Path) -> None:
    """Who asks for a cluster without the package would get a traceback."""
    running = start(tmp_path / "run", "--engine", "ray")
    _, told = running.communicate()
    assert running.returncode == 3
    assert 'pip install "alref-local[cluster]"' in told
