"""The masks of the bundled SAM 2 on drawn clips, by transformers' own session and in half precision."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alref_local.perceive.masks import binarize
from alref_local.perceive.segmentation import Sam2
from alref_local.seams import Segmentor
from alref_local.types import Box, Prompt
from alref_local.world import make_scene
from alref_local.world.reader import SceneReader
from plain import PlainSam2

LENGTH = 8
SCENE = make_scene("easy", 700_009, length=LENGTH)
PROMPTS = [Prompt(track, 4, box=Box(*map(float, box))) for track, box in enumerate(SCENE.boxes(4))]


@cache
def masks(engine: Callable[..., Segmentor], **settings: Any) -> NDArray[np.bool_]:
    """``(tracks, frames, H, W)``."""
    found = np.zeros((len(PROMPTS), LENGTH, *SCENE.size), np.bool_)
    for one in engine(model="tiny:sam2", **settings).track(SceneReader(SCENE), PROMPTS):
        found[list(one.track_ids), one.frame] = binarize(one, SCENE.size)
    return found


def iou(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> float:
    """Of all pixels of the least alike track."""
    both, either = (ours & theirs).sum((1, 2, 3)), (ours | theirs).sum((1, 2, 3))
    return float((both / either).min())


def test_there_is_something_to_compare() -> None:
    """Empty masks would be alike in any precision."""
    assert len(PROMPTS) >= 2
    assert masks(Sam2).any((2, 3)).mean() > 0.9


def test_as_transformers_own_session() -> None:
    """Sentences asked together would get other masks than from transformers' session."""
    assert iou(masks(Sam2), masks(PlainSam2)) >= 0.999


def test_half_precision() -> None:
    """A GPU run in half precision would give other masks."""
    assert iou(masks(Sam2, dtype="bfloat16"), masks(Sam2)) >= 0.99
