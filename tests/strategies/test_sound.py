"""Sound first, with fakes at the seams: what is asked, what becomes a reference, what comes out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from alref_local.configs import load_config
from alref_local.engine import Engine
from alref_local.events import Event, Finished, Listened, ReferencesFound
from alref_local.masks import decode
from alref_local.media.audio import Audio
from alref_local.reason.question import Question
from alref_local.select.stretches import Hearing
from alref_local.types import Query, Spans, TargetResult
from tests.fakes import ArraySound, BoxesByFrame, Scripted, levels, numbered_video
from tests.strategies.strategy_kit import PARTS, SAMPLING

ALONE = (Query("sound", sound=True),)


def run(
    audio: ArraySound,
    queries: tuple[Query, ...],
    backend: Any,
    *,
    seconds: int = 4,
    start: float = 0.0,
    known: Spans = (),
    **changes: Any,
) -> tuple[list[Event], tuple[TargetResult, ...], Engine]:
    """A video of ten frames a second with a sound, under config ``default`` with fakes."""
    parts = {
        **PARTS,
        "sound": {"engine": "tests.fakes:LevelTagger", "aligner": None, **changes.pop("sound", {})},
    }
    engine = Engine(load_config("default", parts, SAMPLING, changes), device="cpu")
    hearing = Hearing(cast(Audio, audio), start, known)

    async def collect() -> list[Event]:
        return [e async for e in engine.events(numbered_video(10 * seconds), queries, backend, hearing)]

    try:
        events = asyncio.run(collect())
    finally:
        engine.close()
    last = events[-1]
    assert isinstance(last, Finished)
    return events, last.results, engine


def names(*categories: str) -> Any:
    """A backend that hears these things, and takes the second frame and the second box."""

    def reply(question: Question) -> tuple[str, ...]:
        return categories if question.step == "lbru" else ("2",)

    return Scripted(reply)


def test_each_sounding_thing_is_a_reference_of_its_own() -> None:
    """A sound would not be segmented, or the things that make it in one mask only."""
    backend = names("dog", "train")
    events, results, engine = run(levels(0.1, 0.1, 0.2, 0.1), ALONE, backend)
    assert [result.query.id for result in results] == ["sound", "sound-dog", "sound-train"]
    assert [result.query.text for result in results[1:]] == [
        "the dog that is making sound",
        "the train that is making sound",
    ]
    assert all(result.status == "ok" for result in results)
    lbru = [question for question in backend.asked if question.step == "lbru"]
    assert len(lbru) == 1
    assert lbru[0].fields["frames"] == (0, 20, 39)
    assert lbru[0].fields["tags"] == ("Bell", "Music", "Speech")
    (listened,) = (event for event in events if isinstance(event, Listened))
    assert listened.heard.categories == ("dog", "train")
    assert listened.strip == (lbru[0].images[0].data,)
    assert isinstance(engine.grounder, BoxesByFrame)
    assert {text for _, text in engine.grounder.calls} == {query.query.text for query in results[1:]}


def test_the_first_result_holds_everything_that_sounds() -> None:
    """The binary mask of a benchmark without categories would miss a thing."""
    boxes = {"sound-dog": "1", "sound-train": "2"}
    backend = Scripted(lambda q: ("dog", "train") if q.step == "lbru" else (boxes[q.address.reference],))
    _, (both, dog, train), _ = run(levels(0.1, 0.1), ALONE, backend, seconds=2)
    assert both.tracks == dog.tracks + train.tracks
    assert (decode(dog.tracks[0].masks[5]) != decode(train.tracks[0].masks[5])).any()
    assert both.heard[0].categories == ("dog", "train")


def test_silence_has_no_target_and_asks_nothing() -> None:
    """A silent video costs money, and something silent is segmented."""
    backend = names("dog")
    _, (result,), _ = run(levels(0, 0, 0), ALONE, backend, seconds=3)
    assert backend.asked == []
    assert (result.status, result.tracks) == ("no_target", ())
    assert [one.note for one in result.heard] == ["nothing is heard"]


@pytest.mark.parametrize("answer", [(), None])
def test_sounds_of_nothing_that_is_seen_have_no_target(answer: tuple[str, ...] | None) -> None:
    """Something that is silent is segmented; the reason is not told."""
    backend = Scripted(lambda question: answer if question.step == "lbru" else ("1",))
    _, (result,), _ = run(levels(0.1, 0.1), ALONE, backend, seconds=2)
    assert result.status == "no_target"
    assert len(backend.asked) == 1
    assert result.heard[0].note


def test_a_long_video_is_asked_about_in_stretches() -> None:
    """A minute is judged by five frames, or what sounds once is lost."""

    def reply(question: Question) -> tuple[str, ...]:
        if question.step != "lbru":
            return ("2",)
        return ("dogs",) if "Bark" in question.fields["tags"] else ("bell", "dog")

    backend = Scripted(reply)
    sound = levels(*[0.1] * 10, *[0] * 10, *[0.2] * 10)
    events, results, _ = run(sound, ALONE, backend, seconds=30, sampling={"frames": 3, "interval": 50})
    assert [result.query.id for result in results] == ["sound", "sound-dog", "sound-bell"]
    heard = results[0].heard
    assert [(one.start, one.stop) for one in heard] == [(0, 10), (10, 20), (20, 30)]
    assert [one.frames for one in heard] == [(0, 50, 99), (100, 150, 199), (200, 250, 299)]
    assert [one.categories for one in heard] == [("dogs",), (), ("bell", "dog")]
    assert sum(question.step == "lbru" for question in backend.asked) == 2
    found = [event for event in events if isinstance(event, ReferencesFound)]
    assert [query.id for query in found[0].references] == ["sound-dog", "sound-bell"]


def test_joined_windows_keep_what_each_of_them_heard() -> None:
    """A bark of one second in a minute never reaches the one question."""
    backend = names("dog")
    sound = levels(*[0.2] * 10, *[0.1] * 10, *[0] * 10)
    _, results, _ = run(sound, ALONE, backend, seconds=30, sound={"max_windows": 1, "tags": 3})
    (asked,) = (question for question in backend.asked if question.step == "lbru")
    assert asked.fields["tags"] == ("Bell", "Bark", "Music")
    assert [round(tag.probability, 3) for tag in results[0].heard[0].tags] == [0.9, 0.9, 0.5]


def test_the_sound_is_cut_as_the_video_is() -> None:
    """With --start another stretch of the sound is heard than is seen."""
    backend = names("dog")
    run(levels(0.2, 0.2, 0.1, 0.1, 0.2), ALONE, backend, seconds=2, start=2.0)
    assert backend.asked[0].fields["tags"][0] == "Bark"


def test_improbable_labels_are_left_out() -> None:
    """The backend is told of sounds that nobody hears."""
    backend = names("dog")
    run(levels(0.1), ALONE, backend, seconds=1, sound={"min_probability": 0.3})
    assert backend.asked[0].fields["tags"] == ("Bark", "Music")


def test_bare_labels_need_no_backend_to_name_things() -> None:
    """Table 4's first row, and a run without a backend, cannot be had."""
    backend = names("never asked")
    _, results, _ = run(levels(0.1), ALONE, backend, seconds=1, sound={"references": "tags", "tags": 2})
    assert [result.query.id for result in results] == ["sound", "sound-bark", "sound-music"]
    assert all(question.step != "lbru" for question in backend.asked)


def test_a_frame_of_the_same_question_is_the_pivot_frame() -> None:
    """The released code's one call is asked a second time for the frame."""
    backend = Scripted(lambda question: ("dog: 2",) if question.step == "lbru" else ("1",))
    _, results, _ = run(
        levels(0.1, 0.1),
        ALONE,
        backend,
        seconds=2,
        sampling={"whole": True},
        reasoning={"prompts": "released", "box_prompt": "pivot_box_sound"},
        sound={"frame": True, "max_windows": 1, "caption": "{}"},
    )
    assert [question.step for question in backend.asked] == ["lbru", "pivot_box"]
    assert results[1].pivots[0].frame == 10
    assert backend.asked[0].images != backend.asked[1].images


def test_the_grounder_may_be_given_the_bare_label() -> None:
    """The released code's caption cannot be had beside the paper's question."""
    backend = names("dog")
    _, _, engine = run(levels(0.1), ALONE, backend, seconds=1, sound={"caption": "{}"})
    assert isinstance(engine.grounder, BoxesByFrame)
    assert {text for _, text in engine.grounder.calls} == {"dog"}
    assert "the dog that is making sound" in backend.asked[-1].text


def test_a_sentence_with_a_sound_is_one_reference_that_is_both() -> None:
    """The sentence, or the sound, would not count."""
    backend = names("dog", "train")
    queries = (Query("0", "the left one", sound=True), Query("1", "the red one", sound=True))
    _, results, engine = run(levels(0.1), queries, backend, seconds=1)
    assert [result.query for result in results] == list(queries)
    assert all(result.heard and result.status == "ok" for result in results)
    assert isinstance(engine.grounder, BoxesByFrame)
    assert {text for _, text in engine.grounder.calls} == {"the left one", "the red one"}
    asked = {q.address.reference: q.fields["reference"] for q in backend.asked if q.step == "pivot_box"}
    assert asked["0"] == "the left one, making a sound (heard: dog, train)"
    silent = names()
    _, results, _ = run(levels(0.0), queries, silent, seconds=1)
    assert [result.status for result in results] == ["no_target", "no_target"]
    assert silent.asked == []


def test_sound_and_plain_sentences_go_together() -> None:
    """A plain sentence beside a sound is lost, or told out of order."""
    queries = (Query("1", "the cat"), *ALONE, Query("2", "the dog", sound=True))
    _, results, _ = run(levels(0.1), queries, names("dog"), seconds=1)
    assert [result.query.id for result in results] == ["1", "sound", "sound-dog", "2"]
    assert [bool(result.heard) for result in results] == [False, True, False, True]


def test_second_looks_look_at_each_thing() -> None:
    """A second look is at all sounding things together, and refuses them together."""

    def reply(question: Question) -> tuple[str, ...]:
        if question.step == "lbru":
            return ("dog", "train")
        if question.step == "second_look":
            return ("yes",) if question.address.reference == "sound-dog" else ("no",)
        return ("1",)

    _, (_, dog, train), _ = run(levels(0.1), ALONE, Scripted(reply), seconds=1, second_look={"looks": 1})
    assert (dog.looks[-1].accepted, train.looks[-1].accepted) == (True, False)


def test_a_run_is_the_same_however_the_sound_is_cut() -> None:
    """Masks depend on where a window happens to end within one level of sound."""
    results = [
        run(levels(*[0.1] * 24), ALONE, names("dog"), seconds=24, sound={"window": window, "max_windows": 1})[
            1
        ]
        for window in (6.0, 12.0)
    ]
    first, second = ([replace(one, heard=()) for one in some] for some in results)
    assert first == second
    assert np.array_equal(decode(first[0].tracks[0].masks[7]), decode(second[0].tracks[0].masks[7]))
