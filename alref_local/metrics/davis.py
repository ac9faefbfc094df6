"""J and F of the DAVIS benchmark (Perazzi et al., CVPR 2016, section 5; Pont-Tuset et al., 2017)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

__all__ = ["boundary", "contour_accuracy", "region_similarity"]

Mask = NDArray[np.bool_]


def region_similarity(prediction: Mask, truth: Mask) -> NDArray[np.float64]:
    """J: intersection over union, 1 where both masks are empty.

    Args:
        prediction: ``(..., H, W)`` bool.
        truth: the same shape.

    Returns:
        ``(...)`` float64.
    """
    _check(prediction, truth)
    together = np.count_nonzero(prediction & truth, axis=(-2, -1))
    either = np.count_nonzero(prediction | truth, axis=(-2, -1))
    return np.where(either == 0, 1.0, together / np.maximum(either, 1))


def contour_accuracy(prediction: Mask, truth: Mask, tolerance: float = 0.008) -> NDArray[np.float64]:
    """F: harmonic mean of the share of each contour that lies near the other one.

    Near means within ``tolerance`` of the image's diagonal, rounded up to whole pixels.

    Args:
        prediction: ``(..., H, W)`` bool.
        truth: the same shape.
        tolerance: share of the diagonal.

    Returns:
        ``(...)`` float64.
    """
    _check(prediction, truth)
    height, width = prediction.shape[-2:]
    radius = math.ceil(tolerance * math.hypot(height, width))
    pairs = zip(prediction.reshape(-1, height, width), truth.reshape(-1, height, width), strict=True)
    scores = [_contour_f(boundary(one), boundary(other), radius) for one, other in pairs]
    return np.array(scores, np.float64).reshape(prediction.shape[:-2])


def boundary(mask: Mask) -> Mask:
    """One pixel wide contour of a ``(H, W)`` mask by the benchmark's rule.

    A pixel is on the contour if its right, lower or lower right neighbour differs from it; neighbours outside
    the image never differ.
    """
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, diagonal = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    contour: Mask = (mask != right) | (mask != below) | (mask != diagonal)
    return contour


def _contour_f(prediction: Mask, truth: Mask, radius: int) -> float:
    ours, theirs = np.argwhere(prediction), np.argwhere(truth)
    if len(ours) == 0 and len(theirs) == 0:
        return 1.0
    if len(ours) == 0 or len(theirs) == 0:
        return 0.0  # precision or recall is 0
    precision, recall = _share_near(ours, theirs, radius), _share_near(theirs, ours, radius)
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def _share_near(points: NDArray[np.int64], others: NDArray[np.int64], radius: int) -> float:
    # Nearest neighbour within the radius = inside the other contour dilated by a disk of that radius.
    # The bound of the search is exclusive, hence the half pixel that the comparison takes back.
    distance, _ = KDTree(others).query(points, distance_upper_bound=radius + 0.5)
    return float(np.mean(distance <= radius))


def _check(prediction: Mask, truth: Mask) -> None:
    if prediction.shape != truth.shape or prediction.ndim < 2:
        raise ValueError(f"masks of different shape: {prediction.shape} and {truth.shape}")
    if prediction.dtype != np.bool_ or truth.dtype != np.bool_:
        raise ValueError(f"masks must be bool, not {prediction.dtype} and {truth.dtype}")
