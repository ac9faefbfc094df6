"""When two runs agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.compare.agree import (
    box_iou,
    clip_pairs,
    heard_pairs,
    mask_iou,
    single_answers,
    within_answers,
)
from alref_local.compare.asked import answers, asked
from alref_local.masks import encode_stack
from alref_local.types import Box, Clip, ClipReasoned, MaskTrack, Pivot, Query, TargetResult
from tests.compare.run_kit import call_line, heard

A, B, C = Box(0, 0, 10, 10), Box(20, 0, 30, 10), Box(0, 0, 10, 5)
boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    *(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20)),
)


def settled(
    frame: int | None, *chosen: Box, frames: tuple[int, ...] = (0, 5, 10, 15), start: int = 0
) -> ClipReasoned:
    pivots = tuple(Pivot(0, frame or 0, box) for box in chosen)
    return ClipReasoned("0", Clip(0, start, 20, frames), frame, (), pivots)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (settled(5, A), settled(5, A), (True, True, True, 1.0)),
        (settled(5, A), settled(5, B), (True, True, False, 0.0)),
        (settled(5, A), settled(10, A), (False, True, None, None)),
        (settled(0, A), settled(15, A), (False, False, None, None)),
        (settled(5), settled(5), (True, True, True, None)),
        (settled(5, A), settled(5), (True, True, False, 0.0)),
        (settled(5, A, B), settled(5, B, A), (True, True, True, 1.0)),
        (settled(5, A, B), settled(5, A), (True, True, False, 0.5)),
        (settled(None), settled(5, A), (False, False, None, None)),
        (settled(None), settled(None), (None, None, None, None)),
        (settled(0, A, frames=(0,)), settled(0, A, frames=(0,)), (None, None, True, 1.0)),
        (settled(0, A, frames=(0,)), settled(5, A), (False, True, None, None)),
    ],
)
def test_clips(
    ours: ClipReasoned,
    theirs: ClipReasoned,
    expected: tuple[bool | None, bool | None, bool | None, float | None],
) -> None:
    """Agreement would be counted where there is none, or where there was nothing to choose."""
    (found,) = clip_pairs([ours], [theirs])
    assert (found.exact, found.near, found.same, found.iou) == expected
    assert found.differs == (expected[0] is False or expected[2] is False)


def test_other_clips_are_not_compared() -> None:
    """Clips of another length would be compared as if they were the same."""
    assert clip_pairs([settled(5, A)], [settled(5, A, start=3)]) == []


@given(st.lists(boxes, max_size=4), st.lists(boxes, max_size=4))
def test_boxes(ours: list[Box], theirs: list[Box]) -> None:
    """Agreement would depend on who is named first."""
    same, iou = box_iou(ours, theirs)
    assert box_iou(theirs, ours)[0] == same
    if iou is not None:
        assert 0 <= iou <= 1
        assert box_iou(theirs, ours)[1] == pytest.approx(iou)
    assert box_iou(ours, ours) == (True, 1.0 if ours else None)


def test_a_box_that_is_rounded_otherwise_is_the_same() -> None:
    """Two machines would never agree; and half a box would be the whole."""
    assert box_iou([A], [Box(0, 0, 10.2, 10)])[0]
    assert box_iou([A], [C]) == (False, 0.5)


def result(*stacks: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> TargetResult:
    tracks = [MaskTrack(k, (4, 6), encode_stack(one), (1.0,) * len(one)) for k, one in enumerate(stacks)]
    return TargetResult(Query("0", "x"), "ok", tuple(tracks))


def test_masks() -> None:
    """Objects of one sentence would be compared one by one, or an empty frame would count as a difference."""
    left, right = np.zeros((2, 3, 4, 6), np.bool_)
    left[0, :, :3], right[0, :, 3:] = True, True
    both = left | right
    assert mask_iou(result(left, right), result(both)) == 1.0
    assert mask_iou(result(left), result(both)) == pytest.approx((0.5 + 1 + 1) / 3)
    assert mask_iou(result(), result(left)) == pytest.approx(2 / 3)
    assert mask_iou(result(), result()) == 1.0
    assert mask_iou(result(left), result(both[:2])) is None


def test_heard() -> None:
    """References of a sound would be compared word by word, or stretch with other stretch."""
    ours = [heard("dog", "train"), heard(start=1), heard("cat", start=2)]
    theirs = [heard("train", "dog"), heard("cat", start=1), heard("cat", start=3)]
    assert heard_pairs(ours, theirs) == [(True, 1.0), (False, 0.0)]


def test_answers_of_a_vote() -> None:
    """The spread within one model would be that of the votes, not of the answers."""
    lines = [call_line("v", "0", "pivot_frame", 0, sample, [said]) for sample, said in enumerate("223")]
    lines += [
        call_line("v", "0", "pivot_box", 0, 0, ["1", "2"]),
        call_line("v", "0", "pivot_box", 0, 1, ["2", "1"]),
    ]
    lines += [call_line("v", "0", "pivot_box", 0, 2, None, error="AnswerError")]
    ours = answers(lines)
    assert dict(within_answers(ours)) == {
        "pivot_frame": pytest.approx(1 / 3),
        "pivot_frame_near": 1.0,
        "pivot_box": 1.0,
    }
    other = answers(
        [call_line("v", "0", "pivot_frame", 0, 0, ["2"]), call_line("v", "0", "pivot_frame", 1, 0, ["2"])]
    )
    keys = {("0", "pivot_frame", 0), ("0", "pivot_frame", 1)}
    assert dict(single_answers(ours, other, keys)) == {
        "pivot_frame": pytest.approx(2 / 3),
        "pivot_frame_near": 1.0,
    }


def test_how_questions_were_answered() -> None:
    """A model that needs many attempts would look like one that needs none."""
    lines = [
        call_line("v", "0", "pivot_frame", 0, 0, None, error="AnswerError"),
        call_line("v", "0", "pivot_frame", 0, 0, ["1"]),
        call_line("v", "0", "pivot_frame", 1, 0, None, error="BackendError"),
        call_line("v", "0", "pivot_frame", 1, 0, ["1"]),
        call_line("v", "0", "pivot_frame", 2, 0, ["1"]),
        call_line("v", "0", "pivot_frame", 3, 0, ["1"], cached=True),
    ]
    found = asked(lines)["pivot_frame"]
    assert (found.replies, found.invalid, found.sent, found.retried) == (4, 1, 3, 2)
    assert found.validity == 0.75
    assert found.retry_rate == pytest.approx(2 / 3)
    assert (found.took.questions, found.took.from_cache, found.took.prompt_tokens) == (4, 1, 500)
    assert found.took.dollars == pytest.approx(0.005)
    assert found.seconds == pytest.approx(1.25)
