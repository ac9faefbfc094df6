"""J and F of the DAVIS benchmark (Perazzi et al., CVPR 2016, section 5; Pont-Tuset et al., 2017)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.metrics.bits import Bits, Mask, count, dilate, outline, pack

__all__ = ["TOLERANCE", "Contours", "Floats", "contour_accuracy", "contours", "jaccard", "region_similarity"]

Floats = NDArray[np.float64]

TOLERANCE = 0.008
"""How far apart contours still match, as a share of the image's diagonal."""

_CHUNK = 1 << 15  # words of a mask stack that are worked on together, so that they stay in the cache


def region_similarity(prediction: Mask, truth: Mask) -> Floats:
    """J: intersection over union, 1 where both masks are empty.

    Args:
        prediction: ``(..., H, W)`` bool.
        truth: the same shape.

    Returns:
        ``(...)`` float64.
    """
    _check(prediction, truth)
    return jaccard(pack(prediction), pack(truth))


def contour_accuracy(prediction: Mask, truth: Mask, tolerance: float = TOLERANCE) -> Floats:
    """F: harmonic mean of the share of each contour that lies near the other one.

    Near means within ``tolerance`` of the image's diagonal, rounded up to whole pixels. F is 1 where neither mask
    has a contour, 0 where one has.

    Args:
        prediction: ``(..., H, W)`` bool.
        truth: the same shape.
        tolerance: share of the diagonal.

    Returns:
        ``(...)`` float64.
    """
    _check(prediction, truth)
    size = (prediction.shape[-2], prediction.shape[-1])
    return contours(pack(prediction), size, tolerance).match(contours(pack(truth), size, tolerance))


def jaccard(prediction: Bits, truth: Bits) -> Floats:
    """J of packed masks; leading axes broadcast."""
    together, either = count(prediction & truth), count(prediction | truth)
    return np.where(either == 0, 1.0, together / np.maximum(either, 1))


class Contours(NamedTuple):
    """The contours of a stack of masks and what lies near them, packed.

    Leading axes broadcast in `match`, so that a mask which is compared with several is prepared once.
    """

    line: Bits
    near: Bits

    def match(self, other: Contours) -> Floats:
        """F."""
        ours, theirs = count(self.line), count(other.line)
        precision = count(self.line & other.near) / np.maximum(ours, 1)
        recall = count(other.line & self.near) / np.maximum(theirs, 1)
        both = precision + recall
        f = 2 * precision * recall / np.where(both == 0, 1, both)
        return np.where((ours == 0) & (theirs == 0), 1.0, f)


def contours(masks: Bits, size: tuple[int, int], tolerance: float = TOLERANCE) -> Contours:
    """Contours of packed masks of ``size``, and the pixels within ``tolerance`` of the diagonal, rounded up."""
    radius = math.ceil(tolerance * math.hypot(*size))
    stack = masks.reshape(-1, *masks.shape[-2:])
    line, near = np.empty_like(stack), np.empty_like(stack)
    step = max(1, _CHUNK // max(1, math.prod(stack.shape[1:])))
    for at in range(0, len(stack), step):
        line[at : at + step] = outline(stack[at : at + step], size[1])
        near[at : at + step] = dilate(line[at : at + step], radius)
    return Contours(line.reshape(masks.shape), near.reshape(masks.shape))


def _check(prediction: Mask, truth: Mask) -> None:
    if prediction.shape != truth.shape or prediction.ndim < 2:
        raise ValueError(f"masks of different shape: {prediction.shape} and {truth.shape}")
    if prediction.dtype != np.bool_ or truth.dtype != np.bool_:
        raise ValueError(f"masks must be bool, not {prediction.dtype} and {truth.dtype}")
