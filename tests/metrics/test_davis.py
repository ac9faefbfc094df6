"""J and F from hand-made masks and against a literal reading of the benchmark's definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from alref_local.metrics import contour_accuracy, region_similarity
from alref_local.metrics.bits import outline, pack

Mask = NDArray[np.bool_]


def mask(rows: str) -> Mask:
    return np.array([[letter == "#" for letter in row] for row in rows.split()])


def boundary(rows: Mask) -> Mask:
    """What the packed form says, as bool."""
    octets = outline(pack(rows), rows.shape[1]).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=rows.shape[1], bitorder="little").astype(np.bool_)


def pairs(largest: int = 20) -> st.SearchStrategy[tuple[Mask, Mask]]:
    sides = st.tuples(st.integers(1, largest), st.integers(1, largest))
    return sides.flatmap(lambda size: st.tuples(hnp.arrays(np.bool_, size), hnp.arrays(np.bool_, size)))


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        ("##. ##.", "##. ##.", 1.0),
        ("... ...", "... ...", 1.0),
        ("##. ##.", "... ...", 0.0),
        ("... ...", "##. ##.", 0.0),
        ("##. ##.", ".## .##", 2 / 6),
        ("### ###", "#.. ...", 1 / 6),
    ],
)
def test_j_by_hand(prediction: str, truth: str, expected: float) -> None:
    """Published tables of J could not be compared with ours."""
    assert region_similarity(mask(prediction), mask(truth)) == expected


@pytest.mark.parametrize(
    ("rows", "contour"),
    [
        ("..... ..... ..#.. ..... .....", "..... .##.. .##.. ..... ....."),
        ("##### ##### #####", "..... ..... ....."),
        ("##... ##... .....", ".#... ##... ....."),
        ("..... ...## ...##", "..### ..#.. ..#.."),
    ],
    ids=["one pixel", "full image", "top left corner", "bottom right corner"],
)
def test_contour_by_hand(rows: str, contour: str) -> None:
    """F would be counted on another contour than the benchmark's."""
    np.testing.assert_array_equal(boundary(mask(rows)), mask(contour))


def test_f_tolerates_a_shift_up_to_the_bound_and_no_further() -> None:
    """Near misses would be judged by another tolerance than the published 0.8 % of the diagonal."""
    truth = np.zeros((300, 400), np.bool_)  # diagonal 500, so the radius is 4 pixels
    truth[:, :200] = True
    for shift, expected in ((0, 1.0), (4, 1.0), (5, 0.0)):
        assert contour_accuracy(np.roll(truth, shift, axis=1) | truth, truth) == expected


def test_f_is_the_harmonic_mean_of_precision_and_recall() -> None:
    """An extra blob would cost nothing, or twice."""
    truth = np.zeros((40, 40), np.bool_)
    truth[5:10, 5:10] = True
    prediction = truth.copy()
    prediction[25:30, 25:30] = True  # same contour length, far away: precision 1/2, recall 1
    assert contour_accuracy(prediction, truth) == pytest.approx(2 / 3, abs=1e-12)


@pytest.mark.parametrize(("first", "second", "expected"), [("..", "..", 1), ("..", "#.", 0), ("#.", "..", 0)])
def test_f_of_empty_masks(first: str, second: str, expected: float) -> None:
    """Frames without the target would be scored wrongly or stop the evaluation."""
    assert contour_accuracy(mask(first), mask(second)) == expected


@given(pairs(), st.sampled_from([0.008, 0.05, 0.12]))
def test_f_equals_the_definition_with_a_dilated_contour(masks: tuple[Mask, Mask], tolerance: float) -> None:
    """The fast nearest-point form would give other numbers than the dilation of the definition."""
    ours, theirs = (boundary(one) for one in masks)
    radius = math.ceil(tolerance * math.hypot(*ours.shape))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = x * x + y * y <= radius * radius
    precision = (ours & ndimage.binary_dilation(theirs, disk)).sum() / max(ours.sum(), 1)
    recall = (theirs & ndimage.binary_dilation(ours, disk)).sum() / max(theirs.sum(), 1)
    expected = 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)
    if not ours.any() and not theirs.any():
        expected = 1.0
    assert contour_accuracy(*masks, tolerance) == pytest.approx(expected, abs=1e-12)


@given(pairs(12))
def test_scores_are_symmetric_and_bounded(masks: tuple[Mask, Mask]) -> None:
    """Swapping prediction and truth would change a score, or a score leave 0 to 1."""
    for measure in (region_similarity, contour_accuracy):
        there, back = float(measure(*masks)), float(measure(*masks[::-1]))
        assert there == pytest.approx(back, abs=1e-12)
        assert 0 <= there <= 1


def test_leading_axes_are_kept() -> None:
    """Scores of several objects and frames would be mixed up."""
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 2, 3, 9, 8)) > 0.5
    for measure in (region_similarity, contour_accuracy):
        scores = measure(first, second)
        assert scores.shape == (2, 3)
        assert scores[1, 2] == measure(first[1, 2], second[1, 2])


def test_wrong_arrays_are_refused() -> None:
    """Masks of two sizes, or ids instead of masks, would be compared as if they fitted."""
    ones = np.ones((2, 3), np.bool_)
    for measure in (region_similarity, contour_accuracy):
        with pytest.raises(ValueError, match="shape"):
            measure(ones, np.ones((3, 2), np.bool_))
        with pytest.raises(ValueError, match="bool"):
            measure(ones, np.ones((2, 3), np.uint8))
