"""A small SAM 2 whose weights follow from their names, prompts for it, and what the original package makes of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Sam2VideoModel

from alref_local.types import Box, Prompt
from tests.perceive.beats_kit import filled
from tests.perceive.perceive_kit import sam2_config

RECORDED: Final = Path(__file__).parent / "recorded"
SIZE: Final = (24, 32)
LENGTH: Final = 10
_BOX, _OTHER = Box(3, 3, 20, 18), Box(10, 2, 30, 22)
_CLICKS: Final = np.array([[11, 12], [26, 6]], np.float32)
CASES: Final[dict[str, list[Prompt]]] = {
    "two boxes": [Prompt(0, 4, box=_BOX), Prompt(1, 4, box=_OTHER)],
    "three pivots": [Prompt(0, 1, box=_BOX), Prompt(0, 5, box=_OTHER, start=True), Prompt(0, 8, box=_BOX)],
    "click": [Prompt(0, 6, points=_CLICKS[:1], labels=np.array([1], np.int32))],
    "clicks": [Prompt(0, 0, points=_CLICKS, labels=np.array([1, 0], np.int32))],
}


def named_model(**changes: Any) -> Sam2VideoModel:
    """The test model of ``perceive_kit``, of weights that any machine makes alike."""
    model = Sam2VideoModel(sam2_config(**changes)).eval()
    weights = {
        name: torch.from_numpy(_filled(name, tuple(at.shape))) for name, at in model.state_dict().items()
    }
    twin = "positional_embedding"
    weights[f"shared_image_embedding.{twin}"] = weights[f"prompt_encoder.shared_embedding.{twin}"]
    weights["mask_decoder.pred_obj_score_head.proj_out.bias"] += 0.37  # objects come and go
    model.load_state_dict(weights)
    return model


def _filled(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Large enough where they mark places, times and absence that all of these move the masks."""
    values = filled(name, shape)
    if re.search("embed|_encoding|pointer$|point_embed", name) and len(shape) > 1:
        values = values * np.float32(0.5 / values.std())
    return values


def folded(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, dict[str, str]]:
    """Names and shapes of tensors, as short as ``released_kit`` has them."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, shape in sorted(shapes.items()):
        numbers = ".".join(re.findall(r"\d+", name))
        found.setdefault(re.sub(r"\d+", "{}", name), {}).setdefault(" ".join(map(str, shape)), []).append(
            numbers
        )
    return {name: {shape: " ".join(numbers) for shape, numbers in of.items()} for name, of in found.items()}


def original_names() -> dict[str, dict[str, dict[str, str]]]:
    """``folded`` tensors of the original's models, by the names of their configs."""
    names: dict[str, dict[str, dict[str, str]]] = json.loads(
        (RECORDED / "sam2_names.json").read_text("utf-8")
    )
    return names
