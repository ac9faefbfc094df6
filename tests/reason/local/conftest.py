"""Untrained models for the tests of the local backend; torch is imported by the tests that ask for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reason.local.kit import MODELS


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A checkpoint of every family."""
    from untrained_vlm import CHAT, FAMILIES

    root = tmp_path_factory.mktemp("checkpoints")
    for family, write in FAMILIES.items():
        write(root / family, 0, CHAT)
    yield {family: root / family for family in FAMILIES}
    MODELS.clear()


@pytest.fixture(params=["qwen2-vl", "qwen2.5-vl", "qwen3-vl", "llava"])
def folder(folders: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    """A checkpoint, one family after the other."""
    return folders[request.param]


@pytest.fixture
def qwen(folders: dict[str, Path]) -> Path:
    """A checkpoint where the family does not matter."""
    return folders["qwen2-vl"]


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that are generated from now on."""
    from transformers import GenerationMixin

    sizes: list[int] = []
    generate = GenerationMixin.generate

    def counted(self: Any, **inputs: Any) -> Any:
        sizes.append(len(inputs["input_ids"]))
        return generate(self, **inputs)

    monkeypatch.setattr(GenerationMixin, "generate", counted)
    return sizes
