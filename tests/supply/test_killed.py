"""Plugs that are pulled while a bundle is written or installed: the same command again ends as if nothing had been."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alref_local.models.checking import verify
from alref_local.models.store import folder_of, installed, read_record
from alref_local.supply.lock import LOCK
from tests.models.store_kit import put
from tests.supply.test_bundle import LARGE, files_of

ROOT = Path(__file__).parents[2]


class Yard:
    """A machine with a checkpoint, a drive, and a machine without."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.drive = root, root / "drive"
        monkeypatch.setenv("ALREF_MODELS", str(root / "first"))
        self.small = put(files=LARGE)
        entry = "{kind: vlm, licence: MIT, parameters: 512, dtype: float32, working: 0}"
        (root / "mine.yaml").write_text(f"lab/small: {entry}\n")
        monkeypatch.setenv("ALREF_MODELS", str(root / "second"))

    def run(self, *words: str | Path, machine: str, moment: int = 0) -> int:
        """Run a command, killed at ``moment``; return how many moments there were in one that ended by itself."""
        deadly = [sys.executable, "-m", "tests.supply.deadly", str(self.root), str(moment)]
        mine = {"ALREF_MODELS": str(self.root / machine), "ALREF_CATALOGUE": str(self.root / "mine.yaml")}
        done = subprocess.run(
            [*deadly, "models", *map(str, words)],
            env=os.environ | mine | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        if moment and done.returncode == -signal.SIGKILL:
            return 0
        assert done.returncode == 0, done.stderr
        return int(re.findall(r"moments: (\d+)", done.stderr)[0])

    def bundle(self, moment: int = 0) -> int:
        return self.run("bundle", "lab/small", "-o", self.drive, machine="first", moment=moment)

    def install(self, moment: int = 0) -> int:
        return self.run("install", self.drive, machine="second", moment=moment)


@pytest.fixture
def yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Yard:
    return Yard(tmp_path, monkeypatch)


def kill(yard: Yard, points: int) -> None:
    moments = yard.bundle()
    whole = files_of(yard.drive)
    for path in whole:
        (yard.drive / path).unlink()
    seed = random.Random(points)
    for _ in range(points):
        yard.bundle(seed.randint(1, moments))
        if (yard.drive / LOCK).exists():
            assert files_of(yard.drive).items() >= whole.items()
            (yard.drive / LOCK).unlink()
            (yard.drive / "models/lab/small/model.safetensors").unlink()
    yard.bundle()
    assert files_of(yard.drive) == whole

    moments = yard.install()
    for _ in range(points):
        if installed("lab/small"):
            (folder_of("lab/small") / "model.safetensors").write_bytes(b"torn by something else")
        yard.install(seed.randint(1, moments))
        record = read_record(folder_of("lab/small"))
        torn = [fault.file for fault in verify(yard.small)] if record else []
        assert torn in ([], ["model.safetensors"])  # never a torn copy of ours: the old damage, or whole
        if torn:
            assert (folder_of("lab/small") / "model.safetensors").read_bytes() == b"torn by something else"
    yard.install()
    assert verify(yard.small) == []
    assert not list((yard.root / "second").rglob("*.part"))


def test_killed_at_six_moments(yard: Yard) -> None:
    """A power cut would cost what was copied, or leave half a checkpoint that counts as one."""
    kill(yard, 3)  # of writing, and as many of installing


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_killed_at_many_moments(yard: Yard) -> None:
    """The same at more moments."""
    kill(yard, 60)
