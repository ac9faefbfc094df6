"""Captions about one picture, and the score that every word of them should give to every object."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.world import CLASSES, COLOURS, ObjectSpec

# An object of the named class that the sentence does not mean should still become a candidate, behind the one it means.
RIVAL: Final = 0.35
# One picture does not show motion: objects of the class that fit as well as the one that is meant.
MOVING: Final = 0.55
MEANT_MOVING: Final = 0.85
ALONE: Final = 0.5  # share of captions of a single phrase

SIZE_WORDS: Final = {"small": "small", "little": "small", "tiny": "small", "large": "large", "big": "large"}
_NOUNS: Final = {w: c for c in CLASSES for w in (c, f"{c}s")} | dict.fromkeys(
    ("object", "objects", "thing", "things"), ""
)
_MIRROR: Final = {"left": "right", "right": "left"}
_MOTION: Final = frozenset(
    ("moving", "moves", "going", "enters", "stays", "stands", "entering", "coming", "leaves", "turning")
)


class Phrase(NamedTuple):
    """Words that mean some objects of the picture, by index."""

    text: str
    meant: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture with its objects; `boxes` xyxy in 0..1, `shown` whether enough of the object is seen to be found."""

    pixels: NDArray[np.uint8]  # (3, H, W) as the image processor resizes it
    objects: tuple[ObjectSpec, ...]
    boxes: NDArray[np.float32]
    shown: NDArray[np.bool_]
    said: tuple[tuple[str, str, tuple[int, ...]], ...]  # text, kind, referents: the clip's own sentences

    def mirrored(self) -> Shot:
        """The picture seen in a mirror: left and right change places in the sentences too."""
        boxes = self.boxes.copy()
        boxes[:, [0, 2]] = 1 - self.boxes[:, [2, 0]]
        said = tuple((" ".join(_MIRROR.get(w, w) for w in t.split()), k, r) for t, k, r in self.said)
        return Shot(np.ascontiguousarray(self.pixels[..., ::-1]), self.objects, boxes, self.shown, said)


def split(text: str) -> list[str]:
    """Words and punctuation, lower case, as the tokenizer splits them."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


def wanted_scores(
    words: Sequence[str], meant: Sequence[int], objects: Sequence[ObjectSpec]
) -> NDArray[np.float32]:
    """float32 (objects, words) in 0..1 for one phrase: the head noun and its adjectives score the objects meant.

    Place words, landmarks and articles score nothing.
    """
    scores = np.zeros((len(objects), len(words)), np.float32)
    head = next((i for i, w in enumerate(words) if w in _NOUNS), None)
    if head is None:
        return scores
    moving = not _MOTION.isdisjoint(words)
    for index, this in enumerate(objects):
        if index in meant:
            value = MEANT_MOVING if moving else 1.0
        elif this.class_name == _NOUNS[words[head]]:
            value = MOVING if moving else RIVAL
        else:
            continue
        scores[index, head] = value
        for place, word in enumerate(words[:head]):
            if word == this.colour or SIZE_WORDS.get(word) == this.size_name:
                scores[index, place] = value
    return scores


def draw_caption(shot: Shot, rng: np.random.Generator) -> tuple[list[str], NDArray[np.float32]]:
    """A caption ending in ".", and its wanted scores float32 (objects, words).

    Half the captions are several phrases: a second phrase costs next to nothing and teaches as much as the first.
    """
    count = 1 if rng.random() < ALONE else int(rng.integers(2, 5))
    phrases = [
        _sentence(shot, rng) if shot.said and rng.random() < 0.65 else _label(shot, rng) for _ in range(count)
    ]
    words: list[str] = []
    parts = []
    for phrase in phrases:
        own_words = split(phrase.text)
        if rng.random() < 0.06:
            own_words.insert(int(rng.integers(len(own_words) + 1)), "[UNK]")
        own_words.append(".")
        parts.append(wanted_scores(own_words, phrase.meant, shot.objects))
        words += own_words
    return words, np.concatenate(parts, axis=1)


def _sentence(shot: Shot, rng: np.random.Generator) -> Phrase:
    """One of the clip's own sentences; each kind is as likely as any other."""
    kinds = sorted({k for _, k, _ in shot.said})
    kind = kinds[int(rng.integers(len(kinds)))]
    own = [s for s in shot.said if s[1] == kind]
    text, _, meant = own[int(rng.integers(len(own)))]
    return Phrase(_reworded(text, rng), meant)


_REWORDINGS: Final = (
    ("large", "big"), ("small", "little"), ("small", "tiny"), ("moving", "going"), ("objects", "things"),
    ("that stays still", "standing still"), ("that stays still", "that is not moving"),
    ("moving to the", "that moves to the"), ("enters from", "comes in from"), ("at the top", "on the top"),
    ("on the left", "at the left side"), ("on the right", "at the right side"), ("left of", "to the left of"),
    ("right of", "to the right of"),
)  # fmt: skip


def _reworded(text: str, rng: np.random.Generator) -> str:
    """Mostly the sentence itself; now and then another way to say it."""
    if rng.random() < 0.25:
        old, new = _REWORDINGS[int(rng.integers(len(_REWORDINGS)))]
        text = text.replace(old, new)
    if rng.random() < 0.1:
        text = text.removeprefix("the ")
    return text


_ENDINGS: Final = (
    " that is making sound",
    " making a sound",
    " that we hear",
    " in the video",
    " you can hear",
)


def _label(shot: Shot, rng: np.random.Generator) -> Phrase:
    """A class with or without colour and size, in the picture three times of four; means all that fit."""
    if rng.random() < 0.25 or not shot.objects:
        name = CLASSES[int(rng.integers(len(CLASSES)))]
        colour, size = (
            list(COLOURS)[int(rng.integers(len(COLOURS)))],
            ("small", "large")[int(rng.integers(2))],
        )
    else:
        this = shot.objects[int(rng.integers(len(shot.objects)))]
        name, colour, size = this.class_name, this.colour, this.size_name
    use_colour, use_size, many = rng.random(3) < (0.5, 0.2, 0.1)
    fits = [
        i
        for i, o in enumerate(shot.objects)
        if o.class_name == name
        and (o.colour == colour or not use_colour)
        and (o.size_name == size or not use_size)
    ]
    sizes = [w for w, s in SIZE_WORDS.items() if s == size]
    words = [
        ("", "the", "a")[int(rng.integers(3))],
        sizes[int(rng.integers(len(sizes)))] if use_size else "",
        colour if use_colour else "",
        f"{name}s" if many else name,
    ]
    ending = _ENDINGS[int(rng.integers(len(_ENDINGS)))] if rng.random() < 0.12 else ""
    return Phrase(" ".join(w for w in words if w) + ending, tuple(fits))
