"""Intervals that hold what they promise, and tests that are what they are called."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from alref_local.compare.statistics import estimate, exact_mcnemar, holm, sign_flip
from alref_local.metrics import bootstrap

Floats = NDArray[np.float64]


def two_runs(videos: int, rng: np.random.Generator, gain: float = 0.3) -> tuple[Floats, NDArray[np.int64]]:
    """Differences of J&F of two runs, with their videos: one to three sentences each, some videos hard for both.

    J&F is near 0 where the wrong thing is masked, and above 0.6 where the right one is.
    """
    of = np.repeat(np.arange(videos), rng.integers(1, 4, videos))
    hard = rng.normal(0, 1, videos)[of]

    def run(skill: float) -> Floats:
        luck = skill + hard + rng.normal(0, 0.7, videos)[of] + rng.normal(0, 1, len(of))
        return np.where(luck > 0, 0.6 + 0.4 * rng.beta(3, 2, len(of)), 0.15 * rng.beta(1, 4, len(of)))

    return run(gain) - run(0.0), of


@pytest.mark.slow
def test_intervals_hold_the_truth() -> None:
    """A difference would be reported with an interval that is too narrow, or so wide that it says nothing."""
    truth = float(two_runs(400_000, np.random.default_rng(0))[0].mean())
    rng, held = np.random.default_rng(1), {12: 0, 40: 0}
    for videos in held:
        for _ in range(1_000):
            differences, of = two_runs(videos, rng)
            found = estimate(differences.tolist(), of.tolist(), draws=600)
            held[videos] += found.low <= truth <= found.high
    assert {videos: 930 <= times <= 970 for videos, times in held.items()} == {12: True, 40: True}, held


def test_noise_is_seldom_called_more_than_noise() -> None:
    """Two runs of one model would be told apart."""
    rng, ps = np.random.default_rng(2), []
    for _ in range(400):
        differences, of = two_runs(10, rng, gain=0.0)
        ps.append(sign_flip(differences.tolist(), of.tolist()))
    assert 0.02 <= np.mean(np.array(ps) < 0.05) <= 0.08


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=7), st.data())
def test_all_flips_are_gone_through(values: list[float], data: st.DataObject) -> None:
    """Of few videos p would be a guess."""
    of = data.draw(st.lists(st.sampled_from("abcd"), min_size=len(values), max_size=len(values)))
    names = sorted(set(of))
    sums = [sum(v for v, video in zip(values, of, strict=True) if video == name) for name in names]
    flips = [
        abs(sum(s * one for s, one in zip(sums, sign, strict=True)))
        for sign in itertools.product((1, -1), repeat=len(sums))
    ]
    exact = np.mean(np.array(flips) >= abs(sum(sums)) - 1e-9)
    assert sign_flip(values, of) == pytest.approx(float(exact), abs=1e-9)


def test_drawn_flips_are_close_to_students_test() -> None:
    """Of many videos p would be another one, or differ from call to call."""
    values = np.random.default_rng(3).normal(0.03, 0.1, 60).tolist()
    videos = [f"video {k}" for k in range(60)]
    found = sign_flip(values, videos)
    assert found == pytest.approx(float(stats.ttest_1samp(values, 0).pvalue), rel=0.15)
    assert found == sign_flip(values, videos)
    assert sign_flip([0.1] * 60, videos) == pytest.approx(1 / 20_001)


def test_one_difference_has_one_interval() -> None:
    """`tables` or `evaluate` would print another interval of the same figures than `compare`."""
    values, videos = [0.1, -0.2, 0.3, 0.05, 0.2], ["a", "a", "b", "c", "d"]
    assert estimate(values, videos)[:3] == bootstrap(values, videos)
    alone = estimate([0.5, 0.7], ["a", "a"])
    assert (alone.mean, alone.values, alone.videos) == (0.6, 2, 1)
    assert np.isnan(alone.low)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (9, 1), (3, 3), (0, 20)])
def test_mcnemar(a: int, b: int) -> None:
    """Who is right more often would be claimed from a handful of cases."""
    expected = stats.binomtest(a, a + b, 0.5).pvalue if a + b else 1.0
    assert exact_mcnemar(a, b) == pytest.approx(expected)


def test_holm() -> None:
    """Among many comparisons one is small by chance."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5]) == [0.5]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
