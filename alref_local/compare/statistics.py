"""What may be said about a difference: its interval, and tests named for what they are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.metrics import bootstrap

__all__ = ["Estimate", "estimate", "exact_mcnemar", "holm", "sign_flip"]

_EXACT = 12  # up to so many videos, all ways of flipping signs are gone through
_FLIPS = 20_000
_AT_ONCE = 4_000_000  # signs drawn together


class Estimate(NamedTuple):
    """A mean, the 95 % interval around it (NaN for a single video), and of how many values and videos."""

    mean: float
    low: float
    high: float
    values: int
    videos: int


def estimate(values: Sequence[float], videos: Sequence[Hashable], *, draws: int = 10_000) -> Estimate:
    """Mean and interval: bootstrap over videos.

    Of a comparison, ``values`` are the differences of paired scores.

    Args:
        values: ``n`` numbers, at least one; values of one video are drawn together.
        videos: ``n`` names.
        draws: resampled means.
    """
    n = len(set(videos))
    if n < 2:
        return Estimate(float(np.mean(values)), float("nan"), float("nan"), len(values), n)
    found = bootstrap(values, videos, draws=draws)
    return Estimate(*found, len(values), n)


def sign_flip(values: Sequence[float], videos: Sequence[Hashable], *, seed: int = 0) -> float:
    """Two-sided p of "both runs are the same": a sign-flip permutation test over videos.

    If they were, each video's differences might as well have the other sign, all of them together. p is the share of
    flips whose sum is at least as far from 0 as the one found: all flips of up to 12 videos, else 20,000 drawn ones.

    Args:
        values: ``n`` paired differences, at least one.
        videos: ``n`` names.
        seed: of the draws.
    """
    number = {name: index for index, name in enumerate(dict.fromkeys(videos))}
    sums = np.bincount([number[name] for name in videos], np.asarray(values, np.float64))
    n, found = len(sums), abs(float(sums.sum()))
    enough = found - 1e-9 * max(1.0, found)  # the same sum in another order
    if n <= _EXACT:
        signs = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return float(np.mean(np.abs((2.0 * signs - 1) @ sums) >= enough))
    rng, hits = np.random.default_rng(seed), 1
    for at in range(0, _FLIPS, step := max(1, _AT_ONCE // n)):
        signs = rng.integers(0, 2, (min(step, _FLIPS - at), n), np.int8)
        hits += int(np.count_nonzero(np.abs((2.0 * signs - 1) @ sums) >= enough))
    return hits / (_FLIPS + 1)


def exact_mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p of "both are right equally often", from the cases that one of them alone got right.

    McNemar's test in its exact form: under the hypothesis each such case is a fair coin.
    """
    from scipy.special import bdtr

    n = only_a + only_b
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), n, 0.5))) if n else 1.0


def holm(ps: Sequence[float]) -> list[float]:
    """p-values of several comparisons, corrected together (Holm, 1979), in the order given."""
    order = np.argsort(ps)
    corrected: NDArray[np.float64] = np.empty(len(ps))
    steps = [min(1.0, (len(ps) - rank) * ps[place]) for rank, place in enumerate(order)]
    corrected[order] = np.maximum.accumulate(steps) if steps else []
    return [float(p) for p in corrected]
