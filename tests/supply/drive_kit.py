"""Two machines and a drive between them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from alref_local.models.catalogue import Checkpoint
from alref_local.models.store import folder_of, installed
from alref_local.supply.bundle import pack
from alref_local.supply.install import install_any
from alref_local.supply.meter import Meter
from tests.models.store_kit import FILES

LARGE = {**FILES, "model.safetensors": random.Random(0).randbytes(300_000), "LICENSE": b"MIT\n"}


class Machines:
    """One that has checkpoints, one that has none, and a drive between them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.monkeypatch = root, monkeypatch
        self.drive = root / "drive"

    def use(self, name: str) -> None:
        self.monkeypatch.setenv("ALREF_MODELS", str(self.root / name))

    def pack(self, *checkpoints: Checkpoint) -> None:
        self.use("first")
        pack(checkpoints, self.drive, Meter())
        self.use("second")

    def install(self, *names: str) -> dict[str, Path]:
        return install_any(self.drive, names, None, Meter())


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def nothing_is_visible() -> bool:
    return installed("lab/small") is None and not folder_of("lab/small").exists()
