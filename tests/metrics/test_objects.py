"""Several objects: identities, Hungarian matching, frames that count, and the merge into one label map."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from alref_local.errors import ConfigError
from alref_local.metrics import contour_accuracy, merge, object_scores, region_similarity
from alref_local.metrics.objects import Frames

Map = NDArray[np.uint8]
maps = hnp.arrays(np.uint8, (3, 6, 7), elements=st.sampled_from([0, 1, 2, 3]))


def labels(*frames: str) -> Map:
    return np.array(
        [[[int(letter) for letter in row] for row in frame.split()] for frame in frames], np.uint8
    )


def renumbered(source: Map, names: dict[int, int]) -> Map:
    out = source.copy()
    for old, new in names.items():
        out[source == old] = new
    return out


@settings(deadline=None)  # the first match imports the solver
@given(maps)
def test_a_map_equals_itself(truth: Map) -> None:
    """A perfect prediction would not score 1."""
    for match in ("identity", "hungarian"):
        scores = object_scores(truth, truth, match=match)
        assert (scores.j == 1).all()
        assert (scores.f == 1).all()


@settings(deadline=None)
@given(maps, maps, st.permutations([1, 2, 3]))
def test_matching_does_not_look_at_numbers(prediction: Map, truth: Map, order: list[int]) -> None:
    """The unsupervised score would depend on the order in which objects were found."""
    plain = object_scores(prediction, truth, match="hungarian")
    names = dict(zip((1, 2, 3), order, strict=True))
    other = object_scores(renumbered(prediction, names), truth, match="hungarian")
    assert (plain.j.mean(1) + plain.f.mean(1)).sum() == pytest.approx(
        (other.j.mean(1) + other.f.mean(1)).sum()
    )


@settings(deadline=None, max_examples=50)
@given(maps, maps)
def test_matching_is_the_best_of_all_pairings(prediction: Map, truth: Map) -> None:
    """Another pairing than the benchmark's would be scored."""
    found, worth = object_scores(prediction, truth, match="hungarian"), 0.0
    masks = [prediction == number for number in np.unique(prediction[prediction > 0])]
    masks += [np.zeros(truth.shape, np.bool_)] * (len(found.objects) - len(masks))
    for pairing in itertools.permutations(masks, len(found.objects)):
        scores = [
            region_similarity(mask, truth == number).mean() + contour_accuracy(mask, truth == number).mean()
            for mask, number in zip(pairing, found.objects, strict=True)
        ]
        worth = max(worth, sum(scores))
    assert (found.j.mean(1) + found.f.mean(1)).sum() == pytest.approx(worth)


@given(maps, maps)
def test_identities_are_the_scores_of_each_mask(prediction: Map, truth: Map) -> None:
    """Objects would be compared with the masks of others."""
    scores = object_scores(prediction, truth)
    assert scores.objects == tuple(sorted(set(truth.ravel().tolist()) - {0}))
    for number, j, f in zip(scores.objects, scores.j, scores.f, strict=True):
        np.testing.assert_array_equal(j, region_similarity(prediction == number, truth == number))
        np.testing.assert_array_equal(f, contour_accuracy(prediction == number, truth == number))


def test_swapped_numbers_cost_everything_or_nothing() -> None:
    """A table of the unsupervised task could be taken for one with identities."""
    truth = labels("1100 1100 0022 0022")
    swapped = renumbered(truth, {1: 2, 2: 1})
    assert object_scores(swapped, truth).j.max() == 0
    matched = object_scores(swapped, truth, match="hungarian")
    assert (matched.objects, matched.found) == ((1, 2), (2, 1))
    assert matched.j.min() == 1


def test_an_object_may_go_with_nothing() -> None:
    """A video in which too few objects were found would stop the evaluation, or be scored without the rest."""
    truth = labels("1100 0022", "1100 0000")
    found = object_scores(labels("3300 0000", "3300 0000"), truth, match="hungarian")
    assert found.found == (3, -1)
    np.testing.assert_array_equal(
        found.j, [[1, 1], [0, 1]]
    )  # right to say nothing where the object is absent


def test_void_pixels_count_for_nobody() -> None:
    """Pixels that nobody could label would count as errors."""
    truth = np.array([[[1, 1, 255, 0, 0]]], np.uint8)
    assert object_scores(np.array([[[1, 1, 1, 0, 0]]], np.uint8), truth).j == 1
    assert object_scores(np.array([[[1, 1, 0, 0, 1]]], np.uint8), truth).j == pytest.approx(2 / 3)


@pytest.mark.parametrize(("frames", "kept"), [("all", [0, 1, 2]), ("no-first", [1, 2]), ("no-ends", [1])])
def test_frames_that_count(frames: Frames, kept: list[int]) -> None:
    """Frames that were given away would be scored, or others left out."""
    rng = np.random.default_rng(1)
    prediction, truth = rng.integers(0, 3, (2, 3, 8, 9)).astype(np.uint8)
    scores, every = object_scores(prediction, truth, frames=frames), object_scores(prediction, truth)
    np.testing.assert_array_equal(scores.j, every.j[:, kept])
    np.testing.assert_array_equal(scores.f, every.f[:, kept])


def test_no_frame_left_is_one_sentence() -> None:
    """A video of two frames would score NaN and spoil the mean."""
    one = np.ones((2, 3, 3), np.uint8)
    with pytest.raises(ConfigError, match="Of 2 frame"):
        object_scores(one, one, frames="no-ends")


def test_many_frames() -> None:
    """Frames of a long video would be left out or mixed up."""
    rng = np.random.default_rng(2)
    prediction, truth = rng.integers(0, 3, (2, 19, 8, 9)).astype(np.uint8)
    for match in ("identity", "hungarian"):
        whole = object_scores(prediction, truth, match=match)
        assert whole.j.shape == (2, 19)
    last = object_scores(prediction[18:], truth[18:])
    np.testing.assert_array_equal(object_scores(prediction, truth).j[:, 18:], last.j)


def test_shapes_must_agree() -> None:
    """A prediction of another size would be compared as if it fitted."""
    with pytest.raises(ValueError, match="shape"):
        object_scores(np.zeros((1, 2, 3), np.uint8), np.zeros((1, 3, 2), np.uint8))


@pytest.mark.parametrize(
    ("logits", "background", "expected"),
    [
        ([[2.0], [1.0]], 0.0, 1),
        ([[1.0], [2.0]], 0.0, 2),
        ([[-0.5], [-0.7]], 0.0, 0),
        ([[-0.5], [-0.7]], -1.0, 1),
        ([[-1.5], [-2.0]], -1.0, 0),
        ([[0.0], [-3.0]], 0.0, 0),
        ([[1.0], [1.0]], 0.0, 1),
    ],
)
def test_merge_by_hand(logits: list[list[float]], background: float, expected: int) -> None:
    """Overlapping objects would end under another number than in the official merge."""
    assert merge(np.array(logits)[:, None], background) == [[expected]]


@given(
    hnp.arrays(np.float32, (4, 2, 3, 3), elements=st.floats(-4, 4, width=32)), st.sampled_from([0.0, -1.0])
)
def test_merge_is_an_argmax_with_the_background_first(logits: NDArray[np.float32], background: float) -> None:
    """The label map would differ from the one the released code submits."""
    planes = np.concatenate([np.full((1, 2, 3, 3), background, np.float32), logits])
    np.testing.assert_array_equal(merge(logits, background), planes.argmax(axis=0))


@pytest.mark.parametrize("count", [0, 255])
def test_merge_knows_how_many_fit(count: int) -> None:
    """Object 255 would turn into void."""
    with pytest.raises(ValueError, match="do not fit"):
        merge(np.zeros((count, 2, 2)))
