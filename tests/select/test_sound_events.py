"""Where one sound ends and another begins, on features and levels that say so themselves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alref_local.select.sound_events import Segment, cuts, known_segments, level, segments
from alref_local.settings import Events
from tests.fakes import levels

RATE = 16_000
Floats = NDArray[np.float32]


def constant(samples: Floats, seconds: float) -> Floats:
    """Everything sounds the same."""
    return np.ones((-(-len(samples) // round(seconds * RATE)), 3), np.float32)


def kinds(samples: Floats, seconds: float) -> Floats:
    """A window is what its loudest sample is, in tenths; of several, a mixture."""
    size = round(seconds * RATE)
    windows = [np.abs(samples[at : at + size]) for at in range(0, len(samples), size)]
    return np.stack(
        [np.bincount(np.rint(one * 10).astype(int), minlength=11)[:11] for one in windows]
    ).astype(np.float32)


def edges(found: tuple[Segment, ...]) -> list[float]:
    return [0.0, *(one.stop for one in found)]


@pytest.mark.parametrize(
    ("angles", "expected"),
    [
        ([0, 0, 0, 0], []),
        ([0, 59, 0, 59], []),
        ([0, 61, 61, 0], [1, 3]),
        ([0, 61, 122], [1, 2]),
        ([0, 90], [1]),
        ([0], []),
    ],
)
def test_the_papers_rule_is_the_cosine_of_neighbours(angles: list[float], expected: list[int]) -> None:
    """``paper/*`` would cut elsewhere than at similarities below 0.5."""
    features = np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1).astype(np.float32)
    loud = np.linspace(-90, 0, len(angles), dtype=np.float32)
    assert cuts(features * 7, loud, Events(window=1, steps=1, threshold=0.5)) == expected


def test_an_onset_out_of_silence_is_a_cut() -> None:
    """A bark after two seconds of nothing is judged together with them, because it is all one sound."""
    sound = levels(0, 0, 0.1, 0.1, 0).samples
    found = segments(sound, constant, Events(window=1, steps=1, level=6))
    assert edges(found) == [0, 2, 4, 5]
    assert [round(one.level) for one in found] == [-100, -20, -100]
    assert edges(segments(sound, constant, Events(window=1, steps=1))) == [0, 5]


@pytest.mark.parametrize("begin", [0.7, 1.0, 1.3, 1.9])
def test_small_steps_find_the_place(begin: float) -> None:
    """Masks begin and end half a second beside the sound."""
    samples = levels(*[0.1] * 3).samples.copy()
    samples[round(begin * RATE) :] = 0.3
    fine = Events(window=0.4, steps=4, threshold=0.7)
    assert edges(segments(samples, kinds, fine)) == pytest.approx([0, begin, 3], abs=0.05)
    assert len(segments(samples, kinds, fine)) == 2


def test_a_short_rest_is_no_window_of_its_own() -> None:
    """The last tenth of a second is cut off, and judged alone by what is hardly heard."""
    sound = np.append(levels(0.1, 0.1).samples, np.zeros(1_600, np.float32))
    assert edges(segments(sound, kinds, Events(level=6))) == [0, 2.1]
    longer = np.append(levels(0.1, 0.1).samples, np.zeros(9_600, np.float32))
    assert edges(segments(longer, kinds, Events(level=6))) == [0, 2, 2.6]


def test_segments_know_their_samples_and_their_time() -> None:
    """Another stretch of the sound is compared with words than is emptied."""
    sound = levels(0.1, 0.3).samples
    first, second = segments(sound, kinds, Events())
    assert np.array_equal(second.of(sound), sound[RATE:])
    assert (second.later(10.0).start, second.later(10.0).stop) == (11, 12)
    assert first.later(0.1234567).stop == second.later(0.1234567).start == 1.123


def test_known_events_lie_in_their_window() -> None:
    """An event that the authors give would be compared with another second of the sound, or lost between windows."""
    sound = levels(0.1, 0.3, 0.2).samples
    found = known_segments(sound, ((0.0, 11.0), (11.0, 12.5), (12.5, 20.0)), 10.0)
    assert [(one.start, one.stop) for one in found] == [(0, 1), (1, 2.5), (2.5, 3)]
    assert [round(one.level) for one in found] == [-20, -11, -14]
    assert known_segments(sound, ((0.0, 3.0),), 10.0) == ()


def test_levels_are_of_full_scale() -> None:
    """The gate would compare something else than loudness."""
    assert level(np.ones(9, np.float32)) == pytest.approx(0)
    assert level(np.full(9, 0.1, np.float32)) == pytest.approx(-20, abs=1e-4)
    assert level(np.zeros(9, np.float32)) == level(np.zeros(0, np.float32)) == -100


@given(
    arrays(np.float32, st.integers(0, 3_000), elements=st.floats(-1, 1, width=32)),
    st.sampled_from([0.1, 0.13]),
    st.integers(1, 5),
    st.sampled_from([None, 3.0]),
)
def test_events_fill_the_sound(samples: Floats, window: float, steps: int, by: float | None) -> None:
    """A part of the sound belongs to no event, or to two, and its frames are emptied at will."""
    loud = np.repeat(samples, 7)
    found = segments(loud, kinds, Events(window=window, steps=steps, threshold=0.9, level=by))
    assert bool(found) == bool(len(loud))
    if found:
        assert edges(found)[-1] == len(loud) / RATE
        assert all(a.stop == b.start for a, b in pairwise(found))
        assert sum(len(one.of(loud)) for one in found) == len(loud)
        whole = all(one.stop - one.start >= window / 2 - 1e-3 for one in found)
        assert whole or len(found) == 1
