"""The benchmark of the metrics: the official rule beside ours."""

from __future__ import annotations

import numpy as np
import pytest

from metrics import by_skimage, growth, official, speed


@pytest.mark.slow
def test_ours_is_the_same_and_at_least_twenty_times_faster() -> None:
    """Scoring a data set would take an hour instead of minutes, or give other figures than the official rule."""
    report = speed(frames=3)
    assert report["difference"] == 0
    assert report["times faster"]["skimage"] >= 20


@pytest.mark.parametrize(("pixels", "expected"), [((0, 0), (1, 1)), ((0, 9), (0, 0)), ((9, 9), (1, 1))])
def test_the_official_rule_knows_empty_masks(pixels: tuple[int, int], expected: tuple[float, float]) -> None:
    """The comparison would rest on frames that both show."""
    masks = np.zeros((2, 20, 30), np.bool_)
    for mask, side in zip(masks, pixels, strict=True):
        mask[:side, :side] = True
    assert official(masks[0], masks[1], by_skimage) == expected


@pytest.mark.slow
def test_growth_is_measured_for_every_number_of_workers() -> None:
    """The figures of the documentation could not be had again."""
    assert list(growth(sequences=2, frames=2, workers=[1, 2])["seconds"]) == ["1", "2"]
