"""From what is heard to references: the question, its answers, and the queries that come of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.errors import AnswerError
from alref_local.files import safe_name
from alref_local.reason.parse import parse
from alref_local.reason.prompts import load_prompts
from alref_local.reason.question import Answer, Question
from alref_local.select.context import ClipContext
from alref_local.select.references import (
    categories_of,
    joined,
    lbru_question,
    references,
    tag_categories,
)
from alref_local.settings import Sound, Strip
from alref_local.types import Clip, Heard, Query, Tag

TAGS = (Tag("Bark", 0.8), Tag("Train horn", 0.5), Tag("Music", 0.1))
HEARD = Heard(0, 0.0, 10.0, (3, 6, 9), TAGS)


def question(prompts: str = "alref", names: tuple[str, ...] = (), sound: Sound | None = None) -> Question:
    frames = [np.zeros((20, 30, 3), np.uint8)] * 3
    context = ClipContext("street", Clip(2, 0, 12, (3, 6, 9)), frames, Strip())
    return lbru_question(context, TAGS, names, load_prompts(prompts), sound or Sound())


def heard(*categories: str, **changes: object) -> Heard:
    return replace(HEARD, categories=categories, **changes)  # type: ignore[arg-type]


def test_the_question_shows_frames_and_labels() -> None:
    """The backend would not know what was heard, or where to look."""
    asked = question()
    assert asked.text.endswith('"Bark", "Train horn", "Music"')
    assert len(asked.images) == 1
    assert (asked.address.reference, asked.address.step, asked.address.clip) == ("sound", "lbru", 2)
    assert asked.fields["tags"] == ("Bark", "Train horn", "Music")


@pytest.mark.parametrize(
    ("names", "sound", "reply", "items"),
    [
        ((), {}, 'ANSWER: ["Dog", "steam train"]', ("dog", "steam train")),
        ((), {}, "ANSWER: []", ()),
        ((), {"most": 1}, '["dog", "train"]', None),
        (("dog", "train"), {}, '["Dog"]', ("dog",)),
        (("dog", "train"), {}, '["cow"]', None),
        ((), {"frame": True}, '["dog: 2"]', ("dog: 2",)),
        ((), {"frame": True}, '["dog: 4"]', None),
        ((), {"frame": True}, '["dog"]', None),
        (
            ("dog", "e. coli (x)"),
            {"frame": True},
            '["E. coli (x): 3", "dog: 1"]',
            ("e. coli (x): 3", "dog: 1"),
        ),
        (("dog",), {"frame": True}, '["cow: 1"]', None),
        (("dog",), {"frame": True, "closed": False}, '["cow: 1"]', ("cow: 1",)),
        (("dog",), {"closed": False}, '["cow", "dog"]', ("cow", "dog")),
    ],
)
def test_answers_are_held_to_what_was_asked(
    names: tuple[str, ...], sound: dict[str, object], reply: str, items: tuple[str, ...] | None
) -> None:
    """A name outside the list, or a frame that was not shown, becomes a reference."""
    prompts = "released" if sound.get("frame") else "alref"
    spec = question(prompts, names, Sound.model_validate(sound)).spec
    if items is None:
        with pytest.raises(AnswerError):
            parse(reply, spec)
    else:
        assert parse(reply, spec) == items


def test_the_answer_is_read_with_or_without_frames() -> None:
    """A pivot frame that was chosen in the same call is lost, or is another one."""
    plain = categories_of(HEARD, Answer(("dog", "train")), Sound())
    assert (plain.categories, plain.shown) == (("dog", "train"), ())
    framed = categories_of(HEARD, Answer(("dog: 3", "train: 1", "dog: 2")), Sound(frame=True))
    assert (framed.categories, framed.shown) == (("dog", "train"), (6, 3))
    none = categories_of(HEARD, Answer(()), Sound())
    assert none.categories == ()
    assert none.note


def test_references_of_all_stretches_are_merged() -> None:
    """A long video's dog is segmented once for every ten seconds, or a passing train before the dog of every window."""
    found = references(
        [heard("train", "dog"), heard("dogs", "bell"), heard("dog barking"), heard()], Sound(most=2)
    )
    assert [query.text for query in found] == [
        "the dog that is making sound",
        "the train that is making sound",
    ]
    assert [query.id for query in found] == ["sound-dog", "sound-train"]


def test_the_wording_is_a_setting() -> None:
    """The paper's reference, or the bare label of the released code, cannot be had."""
    (query,) = references([heard("dog", shown=(6,))], Sound(wording="{} (sounding)", caption="{}"))
    assert (query.text, query.caption, query.frame) == ("dog (sounding)", "dog", 6)
    with pytest.raises(ValueError, match="needs one"):
        Sound(wording="the dog")


def test_a_sentence_and_a_sound_are_asked_for_together() -> None:
    """The sentence, or the sound, would not count."""
    both = joined(Query("0", "the {} left", sound=True), [heard("dog", "train"), heard("dogs")], Sound())
    assert both.text == "the {} left, making a sound (heard: dog, train)"
    assert (both.id, both.caption) == ("0", "the {} left")


def test_bare_labels_are_categories_of_table_4() -> None:
    """The first row of Table 4 asks for a list of synonyms in one name."""
    tags = [Tag(name, 0.5) for name in ("Chirp, tweet", "Motor vehicle (road)", "Chirp")]
    assert tag_categories(tags) == ("chirp", "motor vehicle")


@given(st.lists(st.text(max_size=40), max_size=6))
def test_a_reply_never_becomes_a_path(names: list[str]) -> None:
    """A model writes outside the run folder, or over another reference."""
    found = references([heard(*names)], Sound(most=20))
    ids = [query.id for query in found]
    assert len(set(ids)) == len(ids)
    for id in ids:
        assert safe_name(id) == id
        assert "/" not in id
        assert "." not in id
        assert id.startswith("sound-")
