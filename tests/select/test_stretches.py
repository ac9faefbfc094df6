"""How a video is divided for listening."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.select.stretches import listening
from alref_local.settings import Sampling, Settings, Sound


def settings(frames: int = 3, **sound: float | int | None) -> Settings:
    return Settings(sampling=Sampling(frames=frames), sound=Sound.model_validate(sound))


@pytest.mark.parametrize(
    ("seconds", "most", "stretches"),
    [
        (0.3, None, 1),
        (10.2, None, 1),
        (14.9, None, 1),
        (20, None, 2),
        (26, None, 3),
        (600, 16, 16),
        (600, 1, 1),
    ],
)
def test_windows_are_about_as_long_as_asked_for(seconds: float, most: int | None, stretches: int) -> None:
    """A clip of ten seconds is asked about twice, or an hour in a thousand questions."""
    plan = listening(np.arange(round(seconds * 10)) / 10, 10.0, settings(max_windows=most))
    assert len(plan.stretches) == stretches
    assert plan.window <= 15
    assert plan.window > 6 or seconds < 6


@given(
    st.lists(st.floats(0.01, 9.0), min_size=1, max_size=60),
    st.floats(1, 20),
    st.integers(1, 5),
    st.integers(1, 9),
)
def test_every_second_is_heard_once_and_every_stretch_shows_frames(
    steps: list[float], window: float, most: int, frames: int
) -> None:
    """A sound is heard twice or never, or a question has no picture (videos whose frames last unequally)."""
    times = np.concatenate([[0.0], np.cumsum(steps)])
    plan = listening(times, 5.0, settings(frames, window=window, max_windows=most))
    assert plan.stretches[0].start == 0
    assert plan.stop == pytest.approx(times[-1] + 0.2)
    assert len(plan.stretches) <= most
    for number, one in enumerate(plan.stretches):
        assert one.start < one.stop
        assert one.clip.index == number
        assert 1 <= len(one.clip.frames) <= frames
        assert all(0 <= frame < len(times) for frame in one.clip.frames)
        assert list(one.clip.frames) == sorted(set(one.clip.frames))
        inside = [t for t in times[list(one.clip.frames)] if one.start - 1e-6 <= t < one.stop + 1e-6]
        assert len(inside) == len(one.clip.frames) or len(one.clip.frames) == 1
    starts = np.arange(round(plan.stop / plan.window)) * plan.window
    numbers = [plan.stretch_at(start) for start in starts]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(plan.stretches)))
