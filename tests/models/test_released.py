"""The released checkpoints, gigabytes that no test can download, load: by their published names and shapes."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertTokenizerFast, GroundingDinoImageProcessorPil

from alref_local.perceive.grounding import GroundingDino
from alref_local.perceive.segmentation import Sam2
from alref_local.types import Box, FrameMasks, Prompt
from tests.models.released_kit import CONFIGS, SAM2_BUFFERS, tensors, write_checkpoint

PARAMETERS = {
    "sam2-hiera-large": 224_430_130,
    "sam2.1-hiera-tiny": 38_962_498,
    "grounding-dino-tiny": 172_250_626,
    "grounding-dino-base": 232_315_264,
}

SAM2 = sorted(name for name in CONFIGS if "sam2" in name)
DINO = sorted(name for name in CONFIGS if "dino" in name)


class Still:
    """A ``VideoReader`` of two frames."""

    name, fps, size = "still", 1.0, (180, 320)

    def __len__(self) -> int:
        return 2

    def frames(self, indices: Any) -> Any:
        return np.random.default_rng(0).integers(0, 256, (len(indices), *self.size, 3), dtype=np.uint8)

    def stream(self, start: int = 0, stop: int | None = None, *, reverse: bool = False) -> Any:
        order = range(start, 2 if stop is None else stop)
        return ((index, self.frames([index])[0]) for index in (reversed(order) if reverse else order))


def _load_sam2(folder: Path, name: str) -> Sam2:
    write_checkpoint(folder, name)
    return Sam2(model=str(folder))


def _load_dino(folder: Path, name: str) -> GroundingDino:
    write_checkpoint(folder, name)
    # The published 800 by 1333 takes a minute on a CPU.
    GroundingDinoImageProcessorPil(size={"shortest_edge": 256, "longest_edge": 427}).save_pretrained(folder)
    words = [f"[unused{i}]" for i in range(1030)]
    for index, word in {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 1012: ".", 1029: "?"}.items():
        words[index] = word
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return GroundingDino(model=str(folder), box_threshold=0.0)


def _randomize(model: torch.nn.Module) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(torch.randn(weights.shape) * 0.02)


@pytest.mark.parametrize("name", CONFIGS)
def test_file_has_the_published_size(name: str) -> None:
    """The lists would not be those of the released files."""
    total = sum(prod(shape) for shape in tensors(name).values())
    assert total == PARAMETERS[name] + (SAM2_BUFFERS if name in SAM2 else 0)


@pytest.mark.parametrize("name", SAM2)
def test_sam2_loads(name: str, tmp_path: Path) -> None:
    """The released SAM 2 would be refused, or run with random numbers in place of weights."""
    model = _load_sam2(tmp_path, name)._model
    assert sum(weights.numel() for weights in model.parameters()) == PARAMETERS[name]
    assert model.config.enable_occlusion_spatial_embedding == ("2.1" in name)


@pytest.mark.slow
@pytest.mark.parametrize("name", DINO)
def test_grounding_dino_loads(name: str, tmp_path: Path) -> None:
    """The released GroundingDINO would be refused, or run with random numbers in place of weights."""
    model = _load_dino(tmp_path, name)._model
    assert sum(weights.numel() for weights in model.parameters()) == PARAMETERS[name]


@pytest.mark.slow
def test_sam2_runs_at_real_size(tmp_path: Path) -> None:
    """The real input side, window sizes or memory sizes would not fit together."""
    segmentor = _load_sam2(tmp_path, "sam2.1-hiera-tiny")
    _randomize(segmentor._model)
    found: list[FrameMasks] = list(segmentor.track(Still(), [Prompt(0, 0, box=Box(20, 20, 200, 150))]))  # type: ignore[arg-type]
    assert [one.frame for one in found] == [0, 1]
    assert all(one.logits.shape == (1, 256, 256) for one in found)
    assert all(np.isfinite(one.logits).all() for one in found)


@pytest.mark.slow
def test_grounding_dino_runs_at_real_size(tmp_path: Path) -> None:
    """The real depths, window sizes, token limit or query count would not fit together."""
    grounder = _load_dino(tmp_path, "grounding-dino-tiny")
    _randomize(grounder._model)
    (found,) = grounder.propose(Still().frames([0]), ["the dog"])
    assert all(0 < one.score < 1 for one in found)
