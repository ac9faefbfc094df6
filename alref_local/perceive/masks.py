"""From the segmentor's logits to binary masks at video size."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from alref_local.types import FrameMasks

__all__ = ["binarize", "enlarge"]


def binarize(frame_masks: FrameMasks, size: tuple[int, int], object_score: bool = True) -> NDArray[np.bool_]:
    """``(n, H, W)`` bool masks at video ``size``: logits upsampled bilinearly in float32, and above 0.

    Args:
        object_score: leave a mask empty where the model says that the object is absent (score at most 0).
    """
    masks = np.zeros((len(frame_masks.track_ids), *size), dtype=np.bool_)
    for mask, logits, score in zip(masks, frame_masks.logits, frame_masks.object_score, strict=True):
        if score > 0 or not object_score:
            mask[:] = enlarge(logits.astype(np.float32), size)
    return masks


def enlarge(logits: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.bool_]:
    """``(h, w)`` logits -> ``(H, W)`` bool mask."""
    large = interpolate(torch.from_numpy(logits)[None, None], size, mode="bilinear", align_corners=False)
    mask: NDArray[np.bool_] = (large[0, 0] > 0).numpy()
    return mask
