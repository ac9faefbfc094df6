"""Values with their videos, gathered one at a time."""

from __future__ import annotations

from array import array
from collections import defaultdict

from alref_local.compare.statistics import Estimate, estimate, sign_flip

__all__ = ["Sample", "Samples", "estimates"]

_DRAWS = 2_000
"""Enough for what is broken down; the scores themselves get more."""


class Sample:
    """Sixteen bytes a value."""

    def __init__(self) -> None:
        self.values, self.videos = array("d"), array("L")

    def add(self, value: float, video: int) -> None:
        """Take a value of the video with that number."""
        self.values.append(value)
        self.videos.append(video)

    @property
    def mean(self) -> float:
        """Of all values."""
        return sum(self.values) / len(self.values)

    def estimate(self, draws: int = _DRAWS) -> Estimate:
        """Mean and interval."""
        return estimate(self.values, self.videos, draws=draws)

    def sign_flip(self) -> float:
        """p of a mean of 0."""
        return sign_flip(self.values, self.videos)


class Samples(defaultdict[str, Sample]):
    """By measure."""

    def __init__(self) -> None:
        super().__init__(Sample)


def estimates(samples: Samples, draws: int = _DRAWS) -> dict[str, Estimate]:
    """By measure, in the order in which they were met."""
    return {name: sample.estimate(draws) for name, sample in samples.items()}
