"""mIoU and F over label maps, by hand and against one class after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from alref_local.metrics import class_sums, semantic

Map = NDArray[np.uint8]
maps = hnp.arrays(np.uint8, (2, 4, 5), elements=st.integers(0, 3))


@given(st.lists(st.tuples(maps, maps), min_size=1, max_size=4))
def test_equals_the_definition(videos: list[tuple[Map, Map]]) -> None:
    """AVSS figures could not be compared with published ones."""
    expected = []
    for number in range(4):
        ious, fs = [], []
        for prediction, truth in ((p, t) for video in videos for p, t in zip(*video, strict=True)):
            ours, theirs = prediction == number, truth == number
            hits, either = (ours & theirs).sum(), (ours | theirs).sum()
            if either:
                ious.append(hits / either)
                precision, recall = hits / max(ours.sum(), 1), hits / max(theirs.sum(), 1)
                fs.append(1.3 * precision * recall / (0.3 * precision + recall) if hits else 0.0)
        expected.append([np.mean(ious), np.mean(fs)] if ious else [0.0, 0.0])
    iou, f = np.transpose(expected)
    found = semantic([class_sums(*video, classes=4, side=None) for video in videos])
    assert found == pytest.approx((iou.mean(), f.mean(), iou[1:].mean(), f[1:].mean()))


@given(maps)
def test_right_maps_count_every_class_they_hold(truth: Map) -> None:
    """A perfect prediction would not score its share of the classes."""
    found = semantic([class_sums(truth, truth, classes=4, side=None)])
    assert found.miou == pytest.approx(len(np.unique(truth)) / 4)
    assert found.f == pytest.approx(found.miou)


def test_a_class_is_averaged_over_the_frames_it_occurs_in() -> None:
    """A rare class would be diluted by frames without it."""
    truth, guess = np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 2), np.uint8)
    truth[0, 0], guess[0, 0, 0] = 1, 1
    sums = class_sums(guess, truth, classes=3, side=None)
    np.testing.assert_array_equal(sums.frames, [2, 1, 0])
    assert sums.iou[1] == 0.5
    assert semantic([sums]).miou_no_background == pytest.approx(0.5 / 2)


def test_both_maps_are_scaled_to_one_square() -> None:
    """Predictions at video size could not be scored against truth of another size, as AVSBench does."""
    truth = np.zeros((1, 20, 30), np.uint8)
    truth[:, 10:] = 70
    guess = truth.repeat(2, axis=1).repeat(2, axis=2)
    assert semantic([class_sums(guess, truth)]).miou == pytest.approx(2 / 71)
    with pytest.raises(ValueError, match="shape"):
        class_sums(guess, truth, side=None)


def test_the_square_is_that_of_avsbench() -> None:
    """AVSS figures would differ from published ones in the third digit."""
    prediction, truth = np.random.default_rng(0).integers(0, 71, (2, 1, 448, 448)).astype(np.uint8)
    every_other = class_sums(prediction[:, 1::2, 1::2], truth[:, 1::2, 1::2], side=None)
    np.testing.assert_array_equal(class_sums(prediction, truth), every_other)


@pytest.mark.parametrize("number", [-1, 71, 256, 300])
def test_unknown_numbers_are_refused(number: int) -> None:
    """A palette read wrongly would end in a low score and no word."""
    wrong = np.full((1, 2, 2), number, np.int16)
    with pytest.raises(ValueError, match="below 71"):
        class_sums(wrong, wrong)
