"""Equation 1, and what follows from it for masks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.masks import area, encode
from alref_local.select.sound_events import Segment
from alref_local.select.sounding import (
    choices,
    joint,
    middles,
    silenced,
    sounds_at,
    spans,
    text_of,
    winners,
)
from alref_local.types import MaskTrack, Query, TargetResult

SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), max_size=6).map(
    lambda some: tuple((float(start), float(start + length)) for start, length in some)
)


@pytest.mark.parametrize(
    ("names", "silence", "expected"),
    [
        ((), False, []),
        ((), True, ["silence"]),
        (("dog",), False, ["dog"]),
        (("dog",), True, ["dog", "silence"]),
        (("dog", "train"), False, ["dog", "train", "dog, train"]),
        (("b", "a", "c"), True, ["b", "a", "c", "b, a", "b, c", "a, c", "b, a, c", "silence"]),
    ],
)
def test_all_combinations_are_compared(names: tuple[str, ...], silence: bool, expected: list[str]) -> None:
    """Two things that sound together could not be found, or nothing could not."""
    assert [text_of(one) for one in choices(names, silence=silence)] == expected


def test_a_thing_may_be_called_otherwise_for_the_aligner() -> None:
    """`released-like` compares other words with the sound than the released code."""
    called = {"dog": "dog barking"}
    assert text_of(("dog", "train"), called) == "dog barking, train"
    assert text_of((), called) == "silence"


@pytest.mark.parametrize(("things", "count"), [(5, 31), (6, 63), (7, 63), (20, 63)])
def test_the_most_often_heard_six_are_judged(things: int, count: int) -> None:
    """Twenty things would be a million texts, or the rarest of them would be judged."""
    names = [f"n{number}" for number in range(things)]
    found = choices(names, silence=False)
    assert len(found) == len(set(found)) == count
    assert {name for one in found for name in one} == set(names[:6])


TABLE = [
    ([[0.9, 0.1, 0.2]], [-10], ["dog"]),
    ([[0.1, 0.9, 0.2]], [-10], ["train"]),
    ([[0.1, 0.2, 0.9]], [-10], ["dog, train"]),
    ([[-0.3, -0.2, -0.4]], [-10], ["train"]),
    ([[0.5, 0.5, 0.5]], [-10], ["dog"]),
    ([[0.9, 0.1, 0.2], [0.9, 0.1, 0.2]], [-10, -90], ["dog", "dog"]),
    ([], [], []),
]


@pytest.mark.parametrize(("rows", "loud", "expected"), TABLE)
def test_the_paper_takes_the_most_alike(
    rows: list[list[float]], loud: list[float], expected: list[str]
) -> None:
    """``paper/*`` would not be equation 1: silence, or how loud it is, must not count."""
    among = choices(("dog", "train"), silence=False)
    won = winners(np.array(rows, np.float32).reshape(-1, 3), among, loud, gate=30)
    assert [text_of(one) for one in won] == expected


def test_nothing_may_sound() -> None:
    """One thing could not be silent: neither where it is like silence, nor where nearly nothing is heard."""
    among = choices(("dog",), silence=True)
    rows = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.9, 0.1]], np.float32)
    assert winners(rows, among, [-20, -20, -49, -51], gate=30) == [("dog",), (), ("dog",), ()]


def test_neighbouring_events_are_one_span() -> None:
    """The seconds of ``result.json`` fall to pieces, or run together over silence."""
    cut = [Segment(float(second), float(second + 1), -20) for second in range(5)]
    won = [("dog",), ("dog", "train"), (), ("train",), ("dog",)]
    assert spans(cut, won, ["dog", "train", "cat"]) == {
        "dog": ((0, 2), (4, 5)),
        "train": ((1, 2), (3, 4)),
        "cat": (),
    }


@given(st.lists(SPANS, max_size=4), st.integers(1, 60))
def test_joint_spans_are_those_of_any(some: list[tuple[tuple[float, float], ...]], count: int) -> None:
    """Everything that sounds would be silent while one of its things sounds."""
    together = joint(some)
    times = np.linspace(0, 26, count)
    any_of = np.any([sounds_at(times, one) for one in some] or [np.zeros(count, bool)], axis=0)
    assert np.array_equal(sounds_at(times, together), any_of)
    assert all(a[1] < b[0] for a, b in pairwise(together))


def test_a_frame_sounds_by_its_middle() -> None:
    """At one frame a second, as in AVSBench, a frame goes by the second before it."""
    assert middles(np.arange(5.0), 5.0).tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert middles(np.array([0.0, 0.1, 0.4]), 0.5).tolist() == pytest.approx([0.05, 0.25, 0.45])
    assert sounds_at(middles(np.arange(5.0), 5.0), ((1, 3), (4, 9))).tolist() == [0, 1, 1, 0, 1]


def test_silent_frames_are_emptied() -> None:
    """A dog that barks for a second is painted for ten; or what was not asked about is changed."""
    full = encode(np.ones((4, 6), bool))
    track = MaskTrack(3, (4, 6), (full,) * 4, (0.9, 0.8, 0.7, 0.6))
    result = TargetResult(Query("a"), "ok", (track, track))
    times = np.array([0.5, 1.5, 2.5, 3.5])
    some = silenced(result, times, ((1, 3),))
    assert [[area(rle) for rle in one.masks] for one in some.tracks] == [[0, 24, 24, 0]] * 2
    assert (some.status, some.sounding, some.tracks[0].scores) == ("ok", ((1, 3),), track.scores)
    none = silenced(result, times, ())
    assert (none.status, none.sounding, len(none.tracks)) == ("no_target", (), 2)
    assert silenced(result, times, ((0, 4),)).tracks == result.tracks
