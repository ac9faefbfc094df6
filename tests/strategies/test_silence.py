"""What sounds when, with fakes at the seams: which frames are emptied, and what is never asked about."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from alref_local.configs import load_config
from alref_local.masks import area
from alref_local.settings import Events
from alref_local.types import MaskTrack, Query, TargetResult
from tests.fakes import ArraySound, LevelAligner, Scripted, levels
from tests.strategies.test_sound import ALONE, names, run

PAPER: dict[str, Any] = {
    "aligner": "9 nothing",
    "aligner_engine": "tests.fakes:LevelAligner",
    "silence": False,
    "events": {"window": 1, "steps": 1, "threshold": 0.5, "level": 3},
}
SILENCE = PAPER | {"silence": True, "gate": 30}
BOTH = Scripted(lambda q: ("dog", "train") if q.step == "lbru" else ("1",))


def shown(track: MaskTrack) -> list[int]:
    """Frames with a mask."""
    return [frame for frame, rle in enumerate(track.masks) if area(rle)]


def seconds(result: TargetResult) -> list[int]:
    """Seconds of ten frames in which everything, or nothing, of a result is shown."""
    frames = [shown(track) for track in result.tracks]
    whole = {second for second in range(99) if all(10 * second in some for some in frames)}
    assert all(some == [10 * s + f for s in sorted(whole) for f in range(10)] for some in frames)
    return sorted(whole)


def test_each_thing_is_shown_while_it_sounds() -> None:
    """A dog that barks for two seconds would be painted for ten, or two things at once be one."""
    sound = levels(0.1, 0.1, 0.2, 0.4, 0.1)
    _, (both, dog, train), engine = run(sound, ALONE, BOTH, seconds=5, sound=PAPER)
    assert (seconds(dog), dog.sounding) == ([0, 1, 3, 4], ((0, 2), (3, 5)))
    assert (seconds(train), train.sounding) == ([2, 3], ((2, 4),))
    assert both.tracks == dog.tracks + train.tracks
    assert list(both.sounding or ()) == [(0, 5)]
    assert isinstance(engine.aligner, LevelAligner)
    assert engine.aligner.heard == [
        (length, ("dog", "train", "dog, train")) for length in (32_000, 16_000, 16_000, 16_000)
    ]


def test_in_the_papers_protocol_one_thing_always_sounds() -> None:
    """``paper/*`` would not be equation 1, which has no word for silence."""
    sound = levels(0.1, 0, 0, 0.1)
    _, (_, dog), engine = run(sound, ALONE, names("dog"), sound=PAPER)
    assert (seconds(dog), dog.sounding) == ([0, 1, 2, 3], ((0, 4),))
    assert isinstance(engine.aligner, LevelAligner)
    assert engine.aligner.heard == []


def test_one_thing_can_be_silent() -> None:
    """The one dog of a video would be painted while only something else, or nothing, is heard."""
    sound = levels(0.1, 0, 0.1, 0.3, 0.1)
    _, (both, dog), _ = run(sound, ALONE, names("dog"), seconds=5, sound=SILENCE)
    assert (seconds(dog), dog.sounding) == ([0, 2, 4], ((0, 1), (2, 3), (4, 5)))
    assert (both.status, both.sounding) == ("ok", dog.sounding)


@pytest.mark.parametrize(("gate", "expected"), [(30, [0, 2]), (50, [0, 1, 2])])
def test_what_is_much_softer_than_the_loudest_is_silence(gate: float, expected: list[int]) -> None:
    """Noise is taken for a soft bark; or a soft bark for noise, though the setting says that it counts."""
    sound = levels(0.1, 0.001, 0.1)
    changes = SILENCE | {"gate": gate, "aligner": "0.0 dog"}
    _, (_, dog), _ = run(sound, ALONE, names("dog"), seconds=3, sound=changes)
    assert seconds(dog) == expected


def test_what_is_silent_throughout_is_not_asked_about() -> None:
    """Money goes to questions about a mask that is then emptied."""
    backend = Scripted(BOTH.reply)
    _, (both, dog, train), _ = run(levels(0.1, 0.1), ALONE, backend, seconds=2, sound=PAPER)
    assert (dog.status, train.status, train.tracks, train.sounding) == ("ok", "no_target", (), ())
    assert {q.address.reference for q in backend.asked} == {"sound", "sound-dog"}
    assert both.tracks == dog.tracks


def test_without_an_aligner_nothing_is_emptied() -> None:
    """The sound half would need another model, or claim to know what it does not."""
    _, results, _ = run(levels(0.1, 0, 0.2), ALONE, BOTH, seconds=3, sound={"aligner": None})
    assert [(seconds(one), one.sounding) for one in results] == [([0, 1, 2], None)] * 3


def test_a_sound_that_ends_early_goes_on_or_is_silence() -> None:
    """Frames behind the end of a track are painted at will; the released code repeats the last answer."""
    sound = levels(0.2, 0.1)
    for rule, expected in ((PAPER, [1, 2, 3]), (SILENCE, [1])):
        _, (_, dog, _), _ = run(sound, ALONE, BOTH, seconds=4, sound=rule)
        assert seconds(dog) == expected


def test_long_sounds_are_heard_window_by_window_on_the_videos_clock() -> None:
    """Memory grows with an hour of sound, or with --start the wrong frames are emptied."""
    sound = levels(0.2, 0.2, *[0.1] * 14, *[0.2] * 6)
    _, (_, dog, train), engine = run(sound, ALONE, BOTH, seconds=20, start=2.0, sound=PAPER)
    assert [list(one.sounding or ()) for one in (dog, train)] == [[(0, 14)], [(14, 20)]]
    assert isinstance(engine.aligner, LevelAligner)
    assert [length // 16_000 for length, _ in engine.aligner.heard] == [10, 4, 6]


def test_known_events_take_the_place_of_cuts() -> None:
    """The authors' published events would be read and not used."""
    sound = levels(0.1, 0.1, 0.2, 0.1)
    known = ((0.0, 1.0), (1.0, 3.0), (3.0, 4.0))
    _, (_, dog, train), engine = run(sound, ALONE, BOTH, known=known, sound=PAPER)
    assert isinstance(engine.aligner, LevelAligner)
    assert [length for length, _ in engine.aligner.heard] == [16_000, 32_000, 16_000]
    assert (seconds(dog), seconds(train)) == ([0, 3], [1, 2])


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("the dog on the left", [0]),
        ("the two trains", [1]),
        ("the dog beside the train", [0, 1]),
        ("the thing on the left", [0, 1]),
        ("the cat", [0, 1]),
        ("the puppy on the left", [0, 1]),
    ],
)
def test_what_a_sentence_names_must_sound(sentence: str, expected: list[int]) -> None:
    """Text and sound would not both hold: the dog is painted while the train sounds."""
    queries = (Query("0", sentence, sound=True),)
    sound = levels(0.1, 0.2, 0.5)
    _, (result,), _ = run(sound, queries, BOTH, seconds=3, sound=SILENCE)
    assert seconds(result) == expected
    assert result.query == queries[0]
    assert result.sounding == ((expected[0], expected[-1] + 1),)


@pytest.mark.parametrize(
    ("heard", "sentence"),
    [("puppy", "the dog on the left"), ("person", "the woman in red"), ("dog", "the cat")],
)
def test_what_a_sentence_calls_by_another_name_may_be_what_is_heard(heard: str, sentence: str) -> None:
    """The dog that barks has no mask, and nobody is asked, because the backend called it a puppy."""
    backend = Scripted(lambda question: (heard,) if question.step == "lbru" else ("1",))
    rule = SILENCE | {"aligner": f"0.1 {heard}"}
    _, (result,), _ = run(levels(0.1, 0), (Query("0", sentence, sound=True),), backend, seconds=2, sound=rule)
    assert (seconds(result), result.sounding) == ([0], ((0, 1),))
    assert {question.address.reference for question in backend.asked} == {"sound", "0"}


@pytest.mark.parametrize("sentence", ["the train", "the train on the left"])
def test_a_sentence_about_something_silent_has_no_target(sentence: str) -> None:
    """Ref-AVS's sentences about what is heard elsewhere only would get a mask, and questions would be paid for it."""
    backend = Scripted(BOTH.reply)
    queries = (Query("0", sentence, sound=True), Query("1", "the dog", sound=True), Query("2", "the train"))
    _, (silent, dog, seen), _ = run(levels(0.1, 0), queries, backend, seconds=2, sound=SILENCE)
    assert (silent.status, silent.tracks, silent.sounding) == ("no_target", (), ())
    assert silent.heard
    assert (seconds(dog), seconds(seen)) == ([0], [0, 1])
    assert "0" not in {q.address.reference for q in backend.asked}


def test_names_off_the_list_get_its_nearest_for_label_maps() -> None:
    """A chain saw would be missing in a label map, or one would be written unasked."""
    backend = Scripted(lambda q: ("dogs", "power saw", "frying pan food") if q.step == "lbru" else ("1",))
    sound = levels(0.5)
    for labels, expected in (("avsbench", ["", "dog", "saw", "frying-food"]), ("none", [""] * 4)):
        rule = PAPER | {"labels": labels, "aligner": "0.5 dogs, power saw, frying pan food"}
        _, results, _ = run(sound, ALONE, backend, seconds=1, sound=rule)
        assert [one.listed for one in results] == expected
    _, results, _ = run(sound, ALONE, backend, seconds=1, sound={"labels": "avsbench", "aligner": None})
    assert [one.listed for one in results] == ["", "dog", "", ""]


def test_a_run_is_the_same_twice() -> None:
    """Masks would depend on what was run before."""
    sound = ArraySound(np.concatenate([levels(0.1, 0.4).samples, levels(0.2).samples]))
    first, second = (run(sound, ALONE, BOTH, seconds=3, sound=SILENCE)[1] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["s4", "ms3", "avss", "v2-binary"])
def test_the_papers_configs_are_equation_1(name: str) -> None:
    """``paper/*`` would know silence, or cut the sound by another rule than the paper's."""
    sound = load_config(f"paper/avs-{name}").sound
    assert sound.events == Events(window=1, steps=1, threshold=0.5, level=None)
    assert not sound.silence
    assert sound.aligner == "LanguageBind/LanguageBind_Audio_FT"
    assert sound.labels == ("avsbench" if name == "avss" else "none")
    assert load_config("default").sound.silence
