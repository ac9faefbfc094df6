"""What is asked of a backend and what comes back: the same question goes to every backend.

A question carries everything that its answer may depend on; how it travels over a wire is the backend's
business, and what the reply may be is fixed by its ``AnswerSpec``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

__all__ = ["NAME", "Address", "Answer", "AnswerSpec", "ImagePart", "Question", "Step", "Turn", "Usage"]

Step = Literal["lbru", "pivot_frame", "pivot_box", "second_look"]


@dataclass(frozen=True, slots=True)
class AnswerSpec:
    """The set of valid answers: a list of ``min_items`` to ``max_items`` different items.

    Attributes:
        allowed: the items, as they are written in the list; ids are their decimal digits.
        kind: ``ids`` are written bare (``[3]``), ``names`` are quoted (``["dog"]``).
        min_items: least number of items unless the answer is "none".
        max_items: most items.
        none_allowed: whether "none of them" (written ``[]`` or ``["none"]``) is a valid answer.
        pattern: in place of ``allowed``, a regular expression of one name: the list is open (``NAME`` is any name).
            Names of an open list are lower-cased, and one that is said twice counts once.
    """

    allowed: tuple[str, ...]
    kind: Literal["ids", "names"] = "ids"
    min_items: int = 1
    max_items: int = 1
    none_allowed: bool = False
    pattern: str = ""

    def __post_init__(self) -> None:
        """Refuse a set that no list can be written for, so that grammar and parser always agree."""
        written = _WRITABLE[self.kind]
        if bad := [item for item in self.allowed if not written.fullmatch(item)]:
            raise ValueError(f"cannot be written in a list: {bad!r}")
        if len({item.casefold() for item in self.allowed}) < len(self.allowed):
            raise ValueError(f"items occur twice: {self.allowed!r}")
        if self.pattern and (self.allowed or self.kind != "names"):
            raise ValueError("an open list holds names, and none of them is given")
        most = self.max_items if self.pattern else len(self.allowed)
        if not 1 <= self.min_items <= self.max_items <= most:
            raise ValueError(f"no list of {self.min_items} to {self.max_items} of {len(self.allowed)} items")


NAME = r"[^\W\d_][\w ,.'&()/+-]{0,39}"
"""A name in an open list: a letter, then up to 39 letters, digits, blanks and harmless marks, on one line."""

_WRITABLE = {
    "ids": re.compile(r"0|[1-9][0-9]*"),
    # One line, no outer blanks, nothing that ends a quoted item or that the parser takes for markup.
    "names": re.compile(r"""[^\s"\\\[\]*`\x00-\x1f](?:[^"\\\[\]*`\x00-\x1f]*[^\s"\\\[\]*`\x00-\x1f])?"""),
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a question stands in a run; replay finds recorded answers by it.

    ``sample`` counts the times that the very same question is asked for a vote.
    """

    item: str
    reference: str
    step: Step
    clip: int
    sample: int = 0


@dataclass(frozen=True)
class ImagePart:
    """An encoded image (JPEG or PNG bytes) and its media type."""

    data: bytes
    media_type: str = "image/jpeg"

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier exchange handed on to the model (the paper's "prior knowledge" from step 1)."""

    text: str
    images: tuple[ImagePart, ...]
    reply: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question to a multimodal LLM.

    Attributes:
        step: which step of the method asks.
        text: the rendered prompt, without the images.
        images: one stitched strip, or the frames of a clip one by one.
        spec: what a valid answer is.
        address: where in the run it stands.
        prompt_set: name of the prompt set that ``text`` comes from.
        fields: what was filled into the prompt (reference, frame numbers, boxes), for rule-based backends.
        history: earlier turns of the same conversation.
        images_first: whether the images precede the text in the message (the paper's Figure 5(c) looks
            back at "the above content"; prefix caches like it too).
    """

    step: Step
    text: str
    images: tuple[ImagePart, ...]
    spec: AnswerSpec
    address: Address
    prompt_set: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Turn, ...] = ()
    images_first: bool = True

    @property
    def prompt_sha256(self) -> str:
        """Hex digest of everything said in words: the text and the history, not the images."""
        words = [self.text, self.images_first, [(turn.text, turn.reply) for turn in self.history]]
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()

    @property
    def image_sha256s(self) -> list[str]:
        """Digests of all images, those of the history first."""
        earlier = [image for turn in self.history for image in turn.images]
        return [image.sha256 for image in (*earlier, *self.images)]

    def sampled(self, number: int) -> Question:
        """The same question, asked for the ``number``-th time."""
        return replace(self, address=replace(self.address, sample=number))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, time and price of one exchange; ``None`` where the server, or the card, does not say.

    ``cached_tokens`` of the prompt tokens came from the server's prefix cache, ``stored_tokens`` went into it.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    milliseconds: float = 0.0
    dollars: float | None = None
    stored_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A validated answer.

    Attributes:
        items: chosen items in the order given; empty means "none of them".
        raw: the reply word for word (the reasoning included).
        confidences: probability of each allowed item at the first place of the list, and of "none" where that is
            allowed; ``None`` where the server gives no log-probabilities.
        model: model name as the server reports it.
        attempts: replies until one was valid.
        agreement: share of the valid answers that say the same, where a question was asked several times.
    """

    items: tuple[str, ...]
    raw: str = ""
    confidences: Mapping[str, float] | None = None
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    attempts: int = 1
    agreement: float | None = None

    @property
    def confidence(self) -> float | None:
        """Mean probability of the chosen items, or that of "none"; ``None`` where it is not known."""
        if self.confidences is None:
            return None
        chosen = [self.confidences.get(item, 0.0) for item in self.items or ("none",)]
        return sum(chosen) / len(chosen)

    @property
    def ids(self) -> tuple[int, ...]:
        """The items as integers (answers of kind ``ids``)."""
        return tuple(int(item) for item in self.items)
