"""Clips and sampled frames: a wrong index here puts the pivot on the wrong frame."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.select.sampling import fixed_clip, interval_of, sample_clips
from alref_local.settings import Sampling

PAPER = Sampling(frames=5, interval=5)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (1, [(0, 1, (0,))]),  # a single frame is a clip of one
        (4, [(0, 4, (0,))]),  # shorter than S
        (25, [(0, 25, (0, 5, 10, 15, 20))]),  # exactly one clip
        (26, [(0, 25, (0, 5, 10, 15, 20)), (25, 26, (25,))]),  # one frame over: a clip of one frame
        (40, [(0, 25, (0, 5, 10, 15, 20)), (25, 40, (25, 30, 35))]),  # short last clip
    ],
)
def test_clips_of_the_paper(length: int, expected: list[tuple[int, int, tuple[int, ...]]]) -> None:
    """The paper's arithmetic with N=5, S=5 would silently change."""
    clips = sample_clips(length, 24.0, PAPER)
    assert [(clip.start, clip.stop, clip.frames) for clip in clips] == expected
    assert [clip.index for clip in clips] == list(range(len(clips)))


def test_released_code_drops_a_clip_of_one_frame() -> None:
    """`released-like` would ask about a clip that the released code skips."""
    clips = sample_clips(26, 24.0, PAPER.model_copy(update={"drop_single": True}))
    assert [clip.frames for clip in clips] == [(0, 5, 10, 15, 20)]
    assert sample_clips(4, 24.0, PAPER.model_copy(update={"drop_single": True})) == ()


@given(
    length=st.integers(1, 3000),
    frames=st.integers(1, 12),
    interval=st.one_of(st.none(), st.integers(1, 60)),
    seconds=st.one_of(st.none(), st.floats(0.01, 5)),
    max_clips=st.one_of(st.none(), st.integers(1, 20)),
    balance=st.booleans(),
)
def test_clips_cover_the_video(
    length: int,
    frames: int,
    interval: int | None,
    seconds: float | None,
    max_clips: int | None,
    balance: bool,
) -> None:
    """A stretch of the video would never be looked at, or looked at twice."""
    sampling = Sampling(
        frames=frames, interval=interval, seconds=seconds, max_clips=max_clips, balance=balance
    )
    clips = sample_clips(length, 25.0, sampling)
    assert clips[0].start == 0
    assert clips[-1].stop == length
    assert all(left.stop == right.start for left, right in pairwise(clips))
    for clip in clips:
        assert 1 <= len(clip.frames) <= frames
        assert clip.frames[0] == clip.start
        assert clip.frames[-1] < clip.stop
    if max_clips is not None and interval is None:
        assert len(clips) <= max_clips


def test_seconds_follow_the_frame_rate() -> None:
    """A setting in seconds would mean another time at another frame rate."""
    sampling = Sampling(frames=5, seconds=0.4)
    assert interval_of(1000, 10.0, sampling) == 4
    assert interval_of(1000, 30.0, sampling) == 12
    assert interval_of(1000, 1.0, sampling) == 1


def test_balance_fills_the_last_clip() -> None:
    """The last clip of a short video would hold a single frame and little evidence."""
    sampling = Sampling(frames=5, seconds=0.4, balance=True)
    assert [len(clip.frames) for clip in sample_clips(30, 12.0, sampling)] == [5, 5]


def test_no_frames() -> None:
    """An empty video would give an empty plan instead of an error."""
    with pytest.raises(ValueError, match="at least one frame"):
        sample_clips(0, 25.0, PAPER)


@given(
    length=st.integers(1, 500), frames=st.integers(1, 12), which=st.sampled_from(["first", "middle", "last"])
)
def test_fixed_frame_is_among_the_sampled(length: int, frames: int, which: str) -> None:
    """The rule-based rows of Table 5 would paint boxes on a frame that the strip does not show."""
    clip, pivot = fixed_clip(length, which, frames)  # type: ignore[arg-type]
    assert pivot == {"first": 0, "middle": (length - 1) // 2, "last": length - 1}[which]
    assert pivot in clip.frames
    assert list(clip.frames) == sorted(set(clip.frames))
    assert all(0 <= frame < length for frame in clip.frames)
    assert len(clip.frames) <= frames
