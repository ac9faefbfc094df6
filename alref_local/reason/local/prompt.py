"""A question as transformers' chat templates take it: the same words in the same order as over HTTP, images decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image

from alref_local.reason.card import Card
from alref_local.reason.grammar import lark
from alref_local.reason.question import ImagePart, Question
from alref_local.reason.reply import Correction
from alref_local.reason.wire import messages

__all__ = ["Prompt", "prompt"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one reply is made from.

    Attributes:
        messages: the conversation; every content is a list of text and image parts, the images encoded.
        grammar: Lark grammar that holds the reply; ``None`` lets it be free.
        seed: of the sampling; ``None`` is another one each time.
    """

    messages: Sequence[dict[str, Any]]
    grammar: str | None
    seed: int | None

    def decoded(self) -> list[dict[str, Any]]:
        """The messages with RGB images of PIL.

        Raises:
            ValueError: an image cannot be read.
        """
        return [{**said, "content": [_decoded(part) for part in said["content"]]} for said in self.messages]


def prompt(question: Question, corrections: Sequence[Correction], card: Card) -> Prompt:
    """The prompt of a question that was corrected so far; each sample for a vote has a seed of its own."""
    images = iter([*(image for turn in question.history for image in turn.images), *question.images])
    said = [
        {"role": message["role"], "content": list(_parts(message["content"], images))}
        for message in messages(question, corrections, card)
    ]
    return Prompt(
        said,
        lark(question.spec, card.think_tokens) if card.pattern == "A" else None,
        None if card.seed is None else card.seed + question.address.sample,
    )


def _parts(content: str | list[dict[str, Any]], images: Iterator[ImagePart]) -> Iterator[dict[str, Any]]:
    """Text and image parts; the images of the wire's data URIs, in their order."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for part in content:
        yield part if part["type"] == "text" else {"type": "image", "image": next(images)}


def _decoded(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return part
    try:
        return {"type": "image", "image": Image.open(BytesIO(part["image"].data)).convert("RGB")}
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError("one of its images cannot be read") from error
