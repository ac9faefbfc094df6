"""From a detector's raw boxes to candidates: threshold, clip, order, suppress, limit. NumPy only."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alref_local.boxes import overlaps
from alref_local.types import Box, Candidate

__all__ = ["candidates", "suppress"]

Floats = NDArray[np.floating]


def candidates(
    boxes: Floats,
    scores: Floats,
    size: tuple[int, int],
    *,
    threshold: float,
    limit: int,
    nms: float | None = None,
    order: Literal["score", "score_if_full"] = "score",
) -> list[Candidate]:
    """The best boxes on one frame, best first; equal scores keep the detector's order.

    With the order ``score_if_full``, fewer than ``limit`` keep the detector's order, whatever their scores.

    Args:
        boxes: ``(n, 4)`` centre x, centre y, width, height as fractions of the frame.
        scores: ``(n,)`` in ``[0, 1]``.
        size: ``(height, width)`` of the frame in pixels.
        threshold: scores must lie above it.
        limit: at most so many candidates.
        nms: drop a box whose IoU with a better one is above this.
        order: see above.
    """
    height, width = size
    centre, half = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64) / 2
    corners = np.concatenate([centre - half, centre + half], 1) * [width, height, width, height]
    corners = np.clip(corners, 0, [width, height, width, height])
    # A sliver under a pixel is no object: it is what clipping leaves of a box outside the frame.
    whole = (corners[:, 2:] - corners[:, :2] >= 1).all(1)
    chosen = np.flatnonzero((scores > threshold) & whole)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")]
    if nms is not None:
        chosen = chosen[suppress(corners[chosen], nms)]
    if order == "score_if_full" and len(chosen) < limit:
        chosen = np.sort(chosen)
    return [Candidate(Box(*corners[i].tolist()), float(scores[i])) for i in chosen[:limit]]


def suppress(boxes: Floats, threshold: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: indices kept of ``(n, 4)`` xyxy boxes given best first."""
    left, kept = np.arange(len(boxes)), []
    while left.size:
        kept.append(left[0])
        left = left[1:][overlaps(boxes[left[0]], boxes[left[1:]]) <= threshold]
    return np.array(kept, dtype=np.intp)
