"""Checkpoint folders: whole, broken, and of another family."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from alref_local.errors import AlrefError, ConfigError, PrerequisiteError
from alref_local.perceive.grounding import GroundingDino
from alref_local.perceive.segmentation import Sam2
from alref_local.types import Box, Prompt
from tests.perceive.perceive_kit import noise_video

WEIGHTS = "model.safetensors"


def _cut(folder: Path) -> None:
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _drop_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors["memory_encoder.projection.weight"]
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def _misshape_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors["memory_encoder.projection.weight"] = tensors["memory_encoder.projection.weight"][:1].clone()
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def _other_family(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "sam"}', encoding="utf-8")


BREAKAGES: dict[str, tuple[Callable[[Path], object], type[AlrefError]]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), PrerequisiteError),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), PrerequisiteError),
    "config is no JSON": (lambda folder: (folder / "config.json").write_text("{"), ConfigError),
    "config is a list": (lambda folder: (folder / "config.json").write_text("[]"), ConfigError),
    "weights cut off": (_cut, ConfigError),
    "weights empty": (lambda folder: (folder / WEIGHTS).write_bytes(b""), ConfigError),
    "a tensor is missing": (_drop_a_tensor, ConfigError),
    "a tensor is misshapen": (_misshape_a_tensor, ConfigError),
    "another family": (_other_family, ConfigError),
}


@pytest.mark.parametrize(("breakage", "error"), BREAKAGES.values(), ids=BREAKAGES.keys())
def test_broken_folder(
    breakage: Callable[[Path], object], error: type[AlrefError], sam2_folder: Path, tmp_path: Path
) -> None:
    """A broken download would end in a traceback, or run with random numbers in place of weights."""
    folder = tmp_path / "checkpoint"
    shutil.copytree(sam2_folder, folder)
    breakage(folder)
    with pytest.raises(error) as caught:
        Sam2(model=str(folder))
    assert str(folder) in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("missing", ["preprocessor_config.json", "tokenizer*"])
def test_grounder_without_its_parts(missing: str, dino_folder: Path, tmp_path: Path) -> None:
    """A checkpoint copied without its small files would end in a traceback."""
    folder = tmp_path / "checkpoint"
    shutil.copytree(dino_folder, folder, ignore=shutil.ignore_patterns(missing, "vocab.txt"))
    with pytest.raises(PrerequisiteError, match="lacks its"):
        GroundingDino(model=str(folder))


def test_swapped_folders(sam2_folder: Path, dino_folder: Path) -> None:
    """A config that swaps the two models would not be told so."""
    with pytest.raises(ConfigError, match="grounding-dino"):
        Sam2(model=str(dino_folder))
    with pytest.raises((ConfigError, PrerequisiteError)):
        GroundingDino(model=str(sam2_folder))


def test_round_trip(sam2_folder: Path, tmp_path: Path) -> None:
    """A checkpoint saved again by its owner would give other masks."""
    first = Sam2(model=str(sam2_folder))
    first._model.save_pretrained(tmp_path)
    video, prompts = noise_video(3), [Prompt(0, 1, box=Box(5, 5, 40, 30))]
    for one, other in zip(
        first.track(video, prompts), Sam2(model=str(tmp_path)).track(video, prompts), strict=True
    ):
        np.testing.assert_array_equal(one.logits, other.logits)


def test_published_config_loads_quietly(
    sam2_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The published SAM 2 configs, written by an older transformers, would load with noise or not at all."""
    folder = tmp_path / "checkpoint"
    shutil.copytree(sam2_folder, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config.pop("rope_parameters")
    config["memory_attention_rope_theta"] = 10000
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    Sam2(model=str(folder))
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
