"""How far a mean can be trusted: intervals of means, and of differences measured on the same things."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Gain", "Interval", "bootstrap", "gain", "level_for"]

_AT_ONCE = 1_000_000  # numbers drawn together


class Interval(NamedTuple):
    """A mean and the interval around it."""

    mean: float
    low: float
    high: float


class Gain(NamedTuple):
    """Mean of paired differences and its 95 % interval (Student's t)."""

    gain: float
    low: float
    high: float


def bootstrap(
    values: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap of a mean (Efron, 1979), its level widened for few values (`level_for`).

    The same values, seed and draws give the same interval.
    For a paired comparison, give the differences. Values of one group (sentences of one video) are drawn together,
    because they are not independent of one another.

    Args:
        values: ``n`` scores, at least one.
        groups: ``n`` names; by default every value is its own group.
        level: how often the interval is to hold the true mean.
        draws: resampled means.
        seed: of the draws.
    """
    scores = np.asarray(values, np.float64)
    if len(scores) == 0 or (groups is not None and len(groups) != len(scores)):
        raise ValueError("an interval needs values, and as many groups as values")
    sums, sizes = scores, np.ones_like(scores)
    if groups is not None:
        number = {name: index for index, name in enumerate(dict.fromkeys(groups))}
        member = np.array([number[name] for name in groups])
        sums, sizes = np.zeros(len(number)), np.zeros(len(number))
        np.add.at(sums, member, scores)
        np.add.at(sizes, member, 1)
    rng = np.random.default_rng(seed)
    n = len(sums)
    means = []
    for at in range(0, draws, step := max(1, _AT_ONCE // n)):
        times = rng.multinomial(n, np.full(n, 1 / n), size=min(step, draws - at))
        means.append(times @ sums / (times @ sizes))
    wide = level_for(n, level)
    low, high = np.quantile(np.concatenate(means), [(1 - wide) / 2, (1 + wide) / 2])
    return Interval(float(scores.mean()), float(low), float(high))


def level_for(n: int, level: float = 0.95) -> float:
    """The level at which a percentile interval of ``n`` values covers ``level``; of a single one, ``level`` itself.

    Percentiles of ``n`` resampled values are too narrow, by ``sqrt((n - 1) / n)`` and by the difference of Student's t
    from a normal distribution; this undoes both (Hesterberg, *What Teachers Should Know About the Bootstrap*, 2015,
    "expanded percentile interval").
    """
    from scipy.special import ndtr, stdtrit  # slow to import, and workers start with this module

    if n < 2:
        return level
    outside = float(ndtr(-((n / (n - 1)) ** 0.5) * stdtrit(n - 1, (1 + level) / 2)))
    return 1 - 2 * outside


def gain(values: ArrayLike, base: ArrayLike) -> Gain:
    """How much better ``values`` are than ``base``, one by one.

    Raises:
        ValueError: they are not of one length, or fewer than two.
    """
    from scipy.special import stdtrit  # as above

    ours, theirs = np.asarray(values, np.float64), np.asarray(base, np.float64)
    if len(ours) != len(theirs) or len(ours) < 2:
        raise ValueError("a paired interval needs two or more pairs")
    differences = ours - theirs
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / len(differences) ** 0.5
    half = float(stdtrit(len(differences) - 1, 0.975)) * error  # the quantile of Student's t
    return Gain(mean, mean - half, mean + half)
