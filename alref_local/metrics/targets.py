"""Whether a method knows that a sentence names nothing (GRES, Liu et al., CVPR 2023; MeViS v2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["TargetAccuracy", "target_accuracy"]


class TargetAccuracy(NamedTuple):
    """Shares in ``[0, 1]``; NaN where there is no such sentence."""

    n_acc: float
    t_acc: float


def target_accuracy(answered: Sequence[bool], real: Sequence[bool]) -> TargetAccuracy:
    """N-acc and T-acc over sentences.

    Args:
        answered: whether any pixel of any frame was masked for a sentence.
        real: whether the sentence has a target.

    Returns:
        The share of the sentences without a target that got no mask, and of those with one that got a mask.
    """
    if len(answered) != len(real):
        raise ValueError(f"{len(answered)} answers to {len(real)} sentences")
    said, true = np.array(answered, np.bool_), np.array(real, np.bool_)
    return TargetAccuracy(_share(~said[~true]), _share(said[true]))


def _share(right: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    return float(right.mean()) if len(right) else float("nan")
