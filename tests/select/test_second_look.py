"""Second looks: which frames are shown, which candidates come next, what is kept."""

from __future__ import annotations

from itertools import count

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alref_local.masks import encode_stack
from alref_local.select.second_look import Review, look_frames, next_pivots
from alref_local.types import Box, Candidate, Clip, ClipReasoned, Look, MaskTrack, Pivot, Query, TargetResult


def track(masked: set[int], length: int, track_id: int = 0) -> MaskTrack:
    stack = np.zeros((length, 2, 2), np.bool_)
    stack[sorted(masked)] = True
    return MaskTrack(track_id, (2, 2), encode_stack(stack), (1.0,) * length)


def candidate(number: int) -> Candidate:
    return Candidate(Box(number, 0, number + 1, 1), 1 / (1 + number))


def clip(index: int, candidates: int, chosen: tuple[int, ...]) -> ClipReasoned:
    offered = tuple(candidate(number) for number in range(candidates))
    pivots = tuple(Pivot(index, 10 * index, offered[n].box, offered[n].score) for n in chosen)
    frames = Clip(index, 10 * index, 10 * index + 10, (10 * index,))
    return ClipReasoned("q", frames, 10 * index, offered, pivots)


@given(
    masked=st.sets(st.integers(0, 39), max_size=40),
    other=st.sets(st.integers(0, 39)),
    wanted=st.integers(1, 9),
)
def test_shown_frames_are_masked_and_spread(masked: set[int], other: set[int], wanted: int) -> None:
    """The model would be asked about frames on which there is nothing to see, or about one stretch of the video."""
    seen = sorted(masked | other)
    frames = look_frames([track(masked, 40), track(other, 40, 1)], wanted)
    assert len(frames) == min(wanted, len(seen))
    assert list(frames) == sorted(set(frames) & set(seen))
    if wanted > 1 and seen:
        assert (frames[0], frames[-1]) == (seen[0], seen[-1])


def test_a_query_without_tracks_has_nothing_to_show() -> None:
    """A candidate that was lost at once would stop the run."""
    assert look_frames((), 5) == ()


def test_the_best_untried_candidate_takes_the_place_of_the_refused_one() -> None:
    """A refused box would come back, or a better one be passed over."""
    clips = [clip(0, 3, (1,)), clip(1, 1, (0,)), clip(2, 2, ()), clip(3, 2, (0,))]
    first = [pivot for one in clips for pivot in one.pivots]
    second = next_pivots(clips, first)
    assert [(pivot.clip, pivot.frame, pivot.box.x0) for pivot in second] == [(0, 0, 0), (3, 30, 1)]
    third = next_pivots(clips, [*first, *second])
    assert [(pivot.clip, pivot.box.x0, pivot.score) for pivot in third] == [(0, 2, candidate(2).score)]
    assert next_pivots(clips, [*first, *second, *third]) == ()


def test_several_objects_give_way_to_as_many() -> None:
    """A sentence that means two dogs would be left with one."""
    clips = [clip(0, 5, (0, 3))]
    assert [pivot.box.x0 for pivot in next_pivots(clips, clips[0].pivots)] == [1, 2]


@given(
    counts=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=4),
)
def test_every_candidate_is_tried_once(counts: list[tuple[int, int]]) -> None:
    """Looks would go round in circles."""
    clips = [clip(i, total, (min(chosen, total - 1),)) for i, (total, chosen) in enumerate(counts)]
    tried = [pivot for one in clips for pivot in one.pivots]
    for _ in range(5):
        tried += next_pivots(clips, tried)
    keys = [(pivot.clip, pivot.box) for pivot in tried]
    assert len(keys) == len(set(keys)) == sum(total for total, _ in counts)


def test_track_ids_stay_apart() -> None:
    """Two tracks of a run would have one id, and masks.json would mix them up."""
    first = TargetResult(Query("q", "a"), "ok", (track({0}, 2, 4),), (), (clip(0, 3, (0,)),))
    again = TargetResult(Query("q", "a"), "ok", (track({1}, 2, 0), track({0}, 2, 1)))
    review = Review(first, again, (Look(1, (0,), False), Look(2, (0,), True)))
    kept = review.result(count(7))
    assert [one.track_id for one in kept.tracks] == [4, 7]
    assert kept.clips == first.clips
    assert kept.looks == review.looks
