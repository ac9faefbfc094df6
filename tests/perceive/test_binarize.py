"""Logits to masks at video size."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import interpolate

from alref_local.perceive.masks import binarize
from alref_local.types import FrameMasks


def _frame(score: list[float], side: int = 16) -> FrameMasks:
    logits = np.random.default_rng(0).normal(size=(len(score), side, side)).astype(np.float16)
    return FrameMasks(3, tuple(range(len(score))), logits, np.array(score, dtype=np.float32))


def test_equals_the_original_rule() -> None:
    """Masks would be shifted against SAM 2's own by part of a pixel."""
    frame = _frame([1.0, 2.0])
    whole = interpolate(torch.from_numpy(frame.logits.astype(np.float32))[:, None], (37, 53), mode="bilinear")
    np.testing.assert_array_equal(binarize(frame, (37, 53)), (whole[:, 0] > 0).numpy())


def test_absent_object_is_empty() -> None:
    """A frame on which the object is gone would still show a mask."""
    frame = _frame([-0.1, 0.0, 0.1])
    assert [bool(mask.any()) for mask in binarize(frame, (20, 20))] == [False, False, True]
    assert all(mask.any() for mask in binarize(frame, (20, 20), object_score=False))


def test_no_tracks() -> None:
    """A video with no target would crash."""
    assert binarize(_frame([]), (20, 30)).shape == (0, 20, 30)
