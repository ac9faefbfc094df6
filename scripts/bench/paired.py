"""Differences of figures that were measured on the same clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

__all__ = ["Gain", "gain"]


class Gain(NamedTuple):
    """Mean of paired differences and its 95 % interval (Student's t)."""

    gain: float
    low: float
    high: float


def gain(values: Sequence[float], base: Sequence[float]) -> Gain:
    """How much better ``values`` are than ``base``, clip by clip.

    Raises:
        ValueError: they are not of one length, or fewer than two.
    """
    if len(values) != len(base) or len(values) < 2:
        raise ValueError("a paired interval needs two or more pairs")
    differences = np.subtract(values, base)
    mean = float(differences.mean())
    half = float(stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences))
    return Gain(mean, mean - half, mean + half)
