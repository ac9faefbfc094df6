"""How much boxes have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["overlaps"]

Floats = NDArray[np.floating]


def overlaps(box: Floats, others: Floats) -> NDArray[np.float64]:
    """``(n,)`` intersection over union of one ``(4,)`` xyxy box with ``(n, 4)`` others."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(sides, 0, None).prod(1)
    union = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - shared
    result: NDArray[np.float64] = np.divide(shared, union, out=np.zeros(len(others)), where=union > 0)
    return result
