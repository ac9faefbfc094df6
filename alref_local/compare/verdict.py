"""A comparison in sentences: which run is better, by how much, and whether that is more than noise."""

from __future__ import annotations

import math
from collections.abc import Iterable

from alref_local.compare.figures import p_text
from alref_local.compare.result import Comparison, PairSummary, ScorePair
from alref_local.compare.scan import MAIN_SCORES

__all__ = ["better", "main_first", "main_name", "verdict"]

_ENOUGH = 0.05
_FEWEST = 6
"""Videos from which a sign-flip test can give a p below 0.05 at all."""


def main_first(names: Iterable[str]) -> list[str]:
    """Names of scores, those by which runs are compared first in front."""
    found = list(dict.fromkeys(names))
    return sorted(found, key=lambda name: name not in MAIN_SCORES)


def main_name(pair: PairSummary) -> str | None:
    """The score that two runs are compared by first; ``None`` if they have none in common."""
    return next(iter(main_first(pair.scores)), None)


def better(score: ScorePair) -> int:
    """1 if the first run is better by more than noise, -1 if the second is, 0 if that cannot be said."""
    if score.difference.videos < _FEWEST or score.p_corrected >= _ENOUGH:
        return 0
    return 1 if score.difference.mean > 0 else -1


def verdict(pair: PairSummary, whole: Comparison) -> str:
    """Two or three sentences about a pair of runs."""
    name = main_name(pair)
    if name is None:
        return _without_rows(pair)
    score = pair.scores[name]
    difference = score.difference
    above, below = (pair.a, pair.b) if difference.mean >= 0 else (pair.b, pair.a)
    told = f"{above} scores {abs(difference.mean):.3f} {name} more than {below} ({_interval(score)})"
    if difference.videos < _FEWEST:
        return f"{told}. {difference.videos} videos are too few to say whether this is more than noise."
    tests = len([one for one in whole.pairs if name in one.scores])
    over = f"sign-flip test over {difference.videos} videos, {p_text(score.p_corrected)}"
    over += f" after correction for {tests} comparisons" if tests > 1 else ""
    models = " Both runs asked one model: this is how far its runs differ." if pair.one_model else ""
    if better(score):
        return f"{told}. This is more than noise ({over}).{models}"
    return f"{told}. This may be noise ({over}).{models}"


def _without_rows(pair: PairSummary) -> str:
    """Two runs whose videos have no scores of their own, as those of AVSS."""
    if not pair.totals:
        return f"{pair.a} and {pair.b} have no score in common; only their agreement is known."
    name, (a, b) = next(iter(pair.totals.items()))
    told = f"{name} is a figure of the whole data set: {a:.3f} for {pair.a}, {b:.3f} for {pair.b}."
    return f"{told} Videos have none, so whether this is more than noise cannot be said."


def _interval(score: ScorePair) -> str:
    means = f"{max(score.a, score.b):.3f} against {min(score.a, score.b):.3f}"
    mean, low, high, *_ = score.difference
    if math.isnan(low):
        return means
    ends = (low, high) if mean >= 0 else (-high, -low)
    return f"{means}; 95 % of the difference: {ends[0]:.3f} to {ends[1]:.3f}"
