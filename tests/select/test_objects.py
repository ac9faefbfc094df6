"""Which pivots are one object, when a sentence means several."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.masks import empty, encode
from alref_local.select.objects import by_object, founders, latecomers, numbered
from alref_local.types import Box, MaskTrack, Pivot

SIZE = (40, 60)
LEFT, RIGHT, FAR = Box(0, 0, 10, 10), Box(30, 0, 40, 10), Box(20, 25, 30, 35)


def track(number: int, *boxes: Box | None) -> MaskTrack:
    """A track whose mask on frame ``t`` is the ``t``-th box."""
    masks = []
    for box in boxes:
        mask = np.zeros(SIZE, np.bool_)
        if box is not None:
            mask[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = True
        masks.append(encode(mask) if box is not None else empty(SIZE))
    return MaskTrack(number, SIZE, masks, [1.0] * len(boxes))


def test_the_fullest_frame_founds_the_objects() -> None:
    """Two dogs on one frame are taken for one, or one dog on two frames for two."""
    one, two = Pivot(0, 0, LEFT), Pivot(1, 1, LEFT)
    both = (Pivot(2, 2, LEFT), Pivot(2, 2, RIGHT))
    assert founders([one, two, *both]) == both
    assert founders([one, two]) == ()
    assert founders([]) == ()


def test_pivots_of_other_clips_join_the_object_whose_mask_they_meet() -> None:
    """The dogs change places in the middle of the video."""
    first, second = Pivot(0, 0, LEFT), Pivot(0, 0, RIGHT)
    crossed = (Pivot(1, 1, RIGHT), Pivot(1, 1, LEFT))
    tracks = [track(0, LEFT, RIGHT), track(1, RIGHT, LEFT)]
    found = numbered([*crossed, first, second], tracks)
    assert [pivot.track for pivot in found] == [0, 1, 0, 1]
    assert by_object(found) == {0: (found[0], found[2]), 1: (found[1], found[3])}


def test_a_pivot_that_no_mask_meets_is_one_more_object() -> None:
    """A third dog that comes later is lost, or drags the mask of another onto itself."""
    tracks = [track(0, LEFT, LEFT), track(1, RIGHT, None)]
    found = numbered([Pivot(0, 0, LEFT), Pivot(0, 0, RIGHT), Pivot(1, 1, FAR), Pivot(1, 1, RIGHT)], tracks)
    assert [pivot.track for pivot in found] == [0, 1, 2, 3]


def test_two_pivots_never_join_one_object_on_one_frame() -> None:
    """A track gets two boxes on a frame, which no segmentor takes."""
    near = Box(1, 0, 11, 10)
    tracks = [track(0, LEFT, LEFT), track(1, RIGHT, RIGHT)]
    found = numbered([Pivot(0, 0, LEFT), Pivot(0, 0, RIGHT), Pivot(1, 1, near), Pivot(1, 1, LEFT)], tracks)
    assert [pivot.track for pivot in found] == [0, 1, 2, 0]


def test_without_several_there_is_one_object() -> None:
    """An ordinary sentence is split into a track for each clip."""
    assert {pivot.track for pivot in numbered([Pivot(0, 0, LEFT), Pivot(1, 9, FAR)], [])} == {0}


def told(pivots: list[Pivot], length: int) -> tuple[Pivot, ...]:
    """The pivots of things that stand still, numbered as a strategy does it."""
    tracks = [track(0, *[pivot.box] * length) for pivot in founders(pivots)]
    first = numbered(pivots, tracks)
    late = latecomers(pivots, first)
    return numbered(pivots, [*tracks, *(track(0, *[pivot.box] * length) for pivot in late)], late)


def test_an_object_that_comes_late_is_one() -> None:
    """The third dog, chosen on four clips, is four more dogs."""
    both = [Pivot(0, 0, LEFT), Pivot(0, 0, RIGHT)]
    late = [Pivot(clip, clip, FAR) for clip in range(2, 6)]
    assert [pivot.track for pivot in told([*both, *late], 6)] == [0, 1, 2, 2, 2, 2]


def test_only_what_may_be_one_object_is_carried_again() -> None:
    """Sentences with one object, or with one pivot to spare, cost a second pass through the video."""
    both = [Pivot(0, 0, LEFT), Pivot(0, 0, RIGHT)]
    for pivots in ([Pivot(0, 0, LEFT), Pivot(1, 1, FAR)], both, [*both, Pivot(1, 1, FAR)]):
        tracks = [track(0, pivot.box, pivot.box) for pivot in founders(pivots)]
        assert latecomers(pivots, numbered(pivots, tracks)) == ()


@given(
    st.lists(
        st.sets(st.sampled_from([LEFT, RIGHT, FAR, Box(0, 25, 10, 35), Box(45, 25, 55, 35)])), max_size=6
    )
)
def test_there_are_as_many_objects_as_places(clips: list[set[Box]]) -> None:
    """Masks of one dog are counted, scored and drawn as several, or those of two as one."""
    pivots = [Pivot(clip, clip, box) for clip, places in enumerate(clips) for box in sorted(places)]
    found = told(pivots, 6)
    if len(founders(pivots)) > 1:
        assert len({(pivot.track, pivot.box) for pivot in found}) == len({pivot.box for pivot in pivots})
        assert len(by_object(found)) == len({pivot.box for pivot in pivots})
    else:
        assert {pivot.track for pivot in found} <= {0}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([LEFT, RIGHT, FAR])), max_size=9, unique=True),
    st.lists(st.sampled_from([LEFT, RIGHT, FAR, None]), min_size=16, max_size=16),
)
def test_every_pivot_has_one_object_and_no_object_two_pivots_on_a_frame(
    places: list[tuple[int, Box]], boxes: list[Box | None]
) -> None:
    """Some combination of clips crashes the run after all questions are paid for."""
    pivots = [Pivot(frame, frame, box) for frame, box in places]
    first = founders(pivots)
    tracks = [track(number, *boxes[4 * number : 4 * number + 4]) for number in range(len(first))]
    found = numbered(pivots, tracks)
    assert [(pivot.frame, pivot.box) for pivot in found] == places
    assert len({(pivot.track, pivot.frame) for pivot in found}) == len(found) or not first
    assert sorted(pivot.frame for group in by_object(found).values() for pivot in group) == sorted(
        frame for frame, _ in places
    )
    if not first and pivots:
        assert len(by_object(found)) == 1


@pytest.mark.parametrize("box", [LEFT, FAR])
def test_an_object_whose_mask_is_gone_takes_no_pivot(box: Box) -> None:
    """An empty mask meets every box, or none is divided by nothing."""
    tracks = [track(0, LEFT, None), track(1, RIGHT, None)]
    found = numbered([Pivot(0, 0, LEFT), Pivot(0, 0, RIGHT), Pivot(1, 1, box)], tracks)
    assert found[2].track == 2
