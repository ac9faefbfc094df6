"""From raw boxes to candidates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from alref_local.boxes import overlaps
from alref_local.perceive.boxes import candidates, suppress
from alref_local.types import Box

Floats = NDArray[np.float32]
UNIT = st.floats(0, 1, width=32)
RAW = st.integers(0, 12).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float32, (n, 4), elements=UNIT), hnp.arrays(np.float32, n, elements=UNIT)
    )
)


@pytest.mark.parametrize(
    ("limit", "expected"), [(1, [0.9]), (2, [0.9, 0.7]), (3, [0.9, 0.7, 0.5]), (4, [0.5, 0.9, 0.7])]
)
def test_few_boxes_keep_the_detectors_order(limit: int, expected: list[float]) -> None:
    """The authors' answers about sound, which number two boxes as the detector has them, would mean other boxes."""
    boxes = np.tile(np.array([0.5, 0.5, 0.4, 0.4], np.float32), (3, 1))
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    found = candidates(boxes, scores, (30, 50), threshold=0.1, limit=limit, order="score_if_full")
    assert [round(one.score, 1) for one in found] == expected


@given(RAW, st.integers(1, 5), st.one_of(st.none(), st.floats(0.1, 1)))
def test_candidates_are_usable(raw: tuple[Floats, Floats], limit: int, nms: float | None) -> None:
    """A painted box would leave the frame, or the best candidate would not be number one."""
    boxes, scores = raw
    found = candidates(boxes, scores, (30, 50), threshold=0.2, limit=limit, nms=nms)
    assert len(found) <= limit
    given_scores = [one.score for one in found]
    assert given_scores == sorted(given_scores, reverse=True)
    assert all(score > np.float32(0.2) for score in given_scores)
    for box in (one.box for one in found):
        assert 0 <= box.x0 <= box.x1 - 1
        assert box.x1 <= 50
        assert 0 <= box.y0 <= box.y1 - 1
        assert box.y1 <= 30


def test_corners_and_clipping() -> None:
    """Boxes would land in the wrong place of the frame."""
    raw = np.array([[0.5, 0.5, 0.2, 0.4], [0.0, 1.0, 0.5, 0.5], [1.5, 0.5, 0.2, 0.2]], dtype=np.float32)
    found = candidates(raw, np.array([0.9, 0.8, 0.7]), (100, 200), threshold=0.1, limit=9)
    np.testing.assert_allclose([one.box for one in found], [(80, 30, 120, 70), (0, 75, 50, 100)], atol=1e-4)


def test_equal_scores_keep_their_order() -> None:
    """Two runs of the same video could number the candidates differently."""
    raw = np.array([[0.1 * i, 0.5, 0.1, 0.1] for i in range(1, 9)], dtype=np.float32)
    found = candidates(raw, np.full(8, 0.5), (100, 100), threshold=0.1, limit=8)
    centres = [(one.box.x0 + one.box.x1) / 2 for one in found]
    assert centres == sorted(centres)


def test_threshold_is_exclusive() -> None:
    """Counts would differ from GroundingDINO's own, which keeps scores strictly above the threshold."""
    raw = np.full((2, 4), 0.5, dtype=np.float32)
    assert len(candidates(raw, np.array([0.25, 0.26]), (10, 10), threshold=0.25, limit=9)) == 1


@pytest.mark.parametrize(
    ("nms", "kept"), [(None, 3), (0.9, 3), (0.5, 2), (0.05, 1)], ids=["off", "loose", "usual", "strict"]
)
def test_suppression(nms: float | None, kept: int) -> None:
    """With NMS set, one object would still take several of the three candidate places."""
    raw = np.array([[0.4, 0.5, 0.4, 0.4], [0.45, 0.5, 0.4, 0.4], [0.7, 0.5, 0.4, 0.4]], dtype=np.float32)
    found = candidates(raw, np.array([0.9, 0.8, 0.7]), (100, 100), threshold=0.1, limit=9, nms=nms)
    assert len(found) == kept


@given(hnp.arrays(np.float64, (8, 4), elements=st.floats(0, 20)), st.floats(0.1, 0.9))
def test_suppressed_boxes_have_a_better_twin(raw: NDArray[np.float64], threshold: float) -> None:
    """NMS would drop an object of its own, or keep a duplicate."""
    boxes = np.concatenate([raw[:, :2], raw[:, :2] + raw[:, 2:]], 1)
    kept = suppress(boxes, threshold)
    for i in range(len(boxes)):
        better = [j for j in kept if j < i]
        covered = bool(better) and overlaps(boxes[i], boxes[better]).max() > threshold
        assert (i in kept) != covered


def test_overlap_by_hand() -> None:
    """Every IoU decision would be off."""
    others = np.array([[0, 0, 4, 4], [2, 2, 6, 6], [9, 9, 10, 10], [0, 0, 0, 0]], dtype=np.float64)
    np.testing.assert_allclose(overlaps(np.array(Box(0, 0, 4, 4)), others), [1, 4 / 28, 0, 0])
