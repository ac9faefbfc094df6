"""Sentences, judged by a second reading of each text that shares no code with the one that wrote it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alref_local.world import CLASSES, COLOURS, Scene, make_scene
from alref_local.world.sentences import KINDS, ObjectSpec, Tracks, describe

SIDES = {
    "on the left": (0, 1),
    "on the right": (0, -1),
    "at the top": (1, 1),
    "at the bottom": (1, -1),
    "left of": (0, 1),
    "right of": (0, -1),
    "above": (1, 1),
    "below": (1, -1),
}
WAYS = {"to the right": (0, 1), "to the left": (0, -1), "down": (1, 1), "up": (1, -1)}
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5}


def fitting(scene: Scene, text: str) -> set[int]:
    """The objects that `text` fits, read word by word against the scene's tracks."""
    tracks = scene.tracks
    head, _, rest = _split(text)
    words = head.split()
    fits = {i for i, o in enumerate(scene.objects) if set(words) <= {o.class_name, o.colour, o.size_name}}
    if not rest:
        return fits
    return {i for i in fits if _holds(tracks, i, fits - {i}, rest)}


def _split(text: str) -> tuple[str, str, str]:
    """(attributes and class, class, what is said about it)."""
    found = re.fullmatch(rf"the ((?:\w+ )?({'|'.join(CLASSES)}))(?: (.*))?", text)
    assert found, text
    return found[1], found[2], found[3] or ""


def _holds(tracks: Tracks, i: int, others: set[int], rest: str) -> bool:
    """Whether `rest` is true of object `i` whenever it is seen, as against the others it competes with."""
    middle = (tracks.whole[..., :2] + tracks.whole[..., 2:]) / 2
    net = middle[:, -1] - middle[:, 0]
    if found := re.fullmatch(r"moving (.*)", rest):
        axis, sign = WAYS[found[1]]
        return bool(net[i, axis] * sign > 20)
    if found := re.fullmatch(r"that enters from the (.*)", rest):
        x0, y0, x1, y1 = tracks.whole[i, 0]
        height, width = tracks.size
        return bool({"left": x1 <= 0, "right": x0 >= width, "top": y1 <= 0, "bottom": y0 >= height}[found[1]])
    if rest == "that stays still":
        return bool(np.ptp(tracks.whole[i], axis=0).max() <= 1)
    if rest in SIDES:
        axis, sign = SIDES[rest]
        return all(
            (middle[i, t, axis] - middle[j, t, axis]) * sign < 0
            for j in others
            for t in np.flatnonzero((tracks.visible[i] > 0) & (tracks.visible[j] > 0))
        )
    found = re.fullmatch(r"(left of|right of|above|below) the (\w+) (\w+)", rest)
    assert found, rest
    axis, sign = SIDES[found[1]]
    marks = [k for k, o in enumerate(tracks.objects) if (o.colour, o.class_name) == (found[2], found[3])]
    assert len(marks) == 1, "the landmark itself must be named without doubt"
    both = (tracks.visible[i] > 0) & (tracks.visible[marks[0]] > 0)
    return bool(((middle[i] - middle[marks[0]])[both, axis] * sign < 0).any())


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["easy", "late", "hidden", "ladder", "crowded", "long"]), st.integers(0, 799_999))
def test_singular_sentences_fit_their_object_and_no_other(preset: str, seed: int) -> None:
    """An ambiguous or false sentence teaches the tiny models nonsense and marks right answers as wrong."""
    scene = make_scene(preset, seed)
    for sentence in scene.sentences:
        if sentence.kind not in ("plural", "absent"):
            assert fitting(scene, sentence.text) == set(sentence.referents), sentence


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["plural", "absent", "easy"]), st.integers(0, 799_999))
def test_plural_and_absent_sentences_name_exactly_what_is_there(preset: str, seed: int) -> None:
    """A plural that misses an object, or an absent thing that is there, is counted against the models."""
    scene = make_scene(preset, seed)
    for sentence in scene.sentences:
        if sentence.kind == "absent":
            assert fitting(scene, sentence.text) == set()
        if sentence.kind == "plural":
            named = set(sentence.referents)
            if found := re.fullmatch(r"all (\w+) objects", sentence.text):
                assert named == {i for i, o in enumerate(scene.objects) if o.colour == found[1]}
            else:
                found = re.fullmatch(r"the (\w+) (\w+)s", sentence.text)
                assert found
                assert named == {i for i, o in enumerate(scene.objects) if o.class_name == found[2]}
                assert len(named) == NUMBERS[found[1]]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["easy", "hidden", "crowded"]), st.integers(0, 799_999))
def test_texts_are_unique_and_plain(preset: str, seed: int) -> None:
    """Two sentences with one text but two answers cannot both be right; a final stop breaks the prompts."""
    said = make_scene(preset, seed).sentences
    assert len({s.text for s in said}) == len(said)
    for sentence in said:
        assert sentence.kind in KINDS
        assert re.fullmatch(r"[a-z]+( [a-z]+)+", sentence.text)


def still(
    class_name: str, colour: str, size: str, x: float, y: float
) -> tuple[ObjectSpec, tuple[float, float]]:
    """An object that rests at (x, y)."""
    return ObjectSpec(class_name, colour, size, "still"), (x, y)


def tracks(*placed: tuple[ObjectSpec, tuple[float, float]]) -> Tracks:
    """Four frames of 100x100 pixels, everything visible, boxes of 10x10 pixels."""
    centres = np.array([[at] * 4 for _, at in placed], np.float64)
    whole = np.concatenate([centres - 5, centres + 5], axis=-1).astype(np.float32)
    shown = np.ones(centres.shape[:2], np.float32)
    return Tracks(tuple(o for o, _ in placed), (100, 100), centres, whole, shown, shown > 0)


@pytest.mark.parametrize(
    ("placed", "said", "unsaid"),
    [
        (
            [still("dog", "red", "small", 50, 50)],
            {"the dog", "the red dog"},
            {"the small dog", "the dog on the left"},
        ),
        (
            [still("dog", "red", "small", 20, 50), still("dog", "red", "large", 80, 50)],
            {"the small dog", "the large dog", "the dog on the left", "the dog on the right", "the two dogs"},
            {"the dog", "the red dog", "the dog that stays still", "all red objects"},
        ),
        (
            [still("dog", "red", "small", 46, 50), still("dog", "blue", "small", 54, 50)],
            {"the red dog", "the blue dog"},
            {"the dog on the left", "the dog on the right", "the small dog"},
        ),
        (
            [
                still("dog", "red", "small", 20, 50),
                still("dog", "red", "small", 80, 50),
                still("car", "red", "small", 50, 80),
                still("ball", "blue", "small", 50, 20),
            ],
            {"the dog left of the red car", "the dog right of the blue ball", "all red objects", "the car"},
            {"the dog above the red car", "the car below the blue ball"},
        ),
    ],
)
def test_what_may_be_said_of_simple_scenes(
    placed: list[tuple[ObjectSpec, tuple[float, float]]], said: set[str], unsaid: set[str]
) -> None:
    """A sentence that should be offered and is not makes its kind rare; one that should not be is ambiguous."""
    texts = {s.text for s in describe(tracks(*placed))}
    assert said <= texts
    assert not unsaid & texts


def test_objects_never_seen_are_not_named() -> None:
    """Nobody can point at what the clip never shows."""
    scene = tracks(still("dog", "red", "small", 20, 50), still("cat", "red", "small", 80, 50))
    scene.visible[1] = 0
    assert not any(1 in s.referents for s in describe(scene))


def test_absent_sentences_use_the_words_of_the_world() -> None:
    """A word the tiny models never saw would be rejected for the wrong reason."""
    for seed in range(20):
        for sentence in make_scene("absent", seed).sentences:
            if sentence.kind == "absent":
                assert set(sentence.text.split()) <= {"the", *COLOURS, *CLASSES}
