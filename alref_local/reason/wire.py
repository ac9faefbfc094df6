"""A question in the words of the chat protocol. Pure: no network, no clock."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from alref_local.reason.card import Card
from alref_local.reason.defuse import defuse
from alref_local.reason.grammar import MARKER, json_schema
from alref_local.reason.question import ImagePart, Question
from alref_local.reason.reply import Correction

__all__ = ["Message", "messages", "sampling", "schema_format"]

Message = dict[str, Any]

_ECHO = 2000
"""At most this much of an invalid reply is shown to the model again."""


def messages(question: Question, corrections: Sequence[Correction], card: Card) -> list[Message]:
    """History, question and corrections as chat messages, images as data URIs.

    Patterns A and B stop reasoning at the marker, so a prompt that does not speak of it gets one more line.
    """
    text = question.text
    if card.pattern in ("A", "B") and MARKER not in text:
        text += f"\n\nEnd with {MARKER} and the list."
    said: list[Message] = []
    for turn in question.history:
        said.append(_user(turn.text, turn.images, question.images_first, card))
        said.append({"role": "assistant", "content": defuse(turn.reply)})
    said.append(_user(text, question.images, question.images_first, card))
    for reply, reason in corrections:
        echo = defuse(reply[-_ECHO:]).strip() or "(no reply)"
        said.append({"role": "assistant", "content": echo})
        said.append(
            {"role": "user", "content": defuse(f"This is not a valid answer. {reason} Please answer again.")}
        )
    return said


def sampling(card: Card, sample: int = 0) -> dict[str, Any]:
    """Sampling parameters as the chat API names them; all explicit, so that no server default slips in.

    The ``sample``-th time that a question is asked has a seed of its own.
    """
    fields = {
        "temperature": card.temperature,
        "top_p": card.top_p,
        "seed": None if card.seed is None else card.seed + sample,
        "reasoning_effort": card.reasoning_effort,
        card.max_tokens_field: card.max_tokens,
    }
    return {name: value for name, value in fields.items() if value is not None}


def schema_format(question: Question) -> dict[str, Any]:
    """``response_format`` for a strict ``{reasoning, answer}`` object."""
    schema = {"name": "answer", "strict": True, "schema": json_schema(question.spec)}
    return {"type": "json_schema", "json_schema": schema}


def _user(text: str, images: Sequence[ImagePart], images_first: bool, card: Card) -> Message:
    pictures = [{"type": "image_url", "image_url": _image(image, card)} for image in images]
    words = [{"type": "text", "text": text}]
    return {"role": "user", "content": pictures + words if images_first else words + pictures}


def _image(image: ImagePart, card: Card) -> dict[str, str]:
    url = {"url": f"data:{image.media_type};base64,{base64.b64encode(image.data).decode('ascii')}"}
    return url if card.image_detail == "auto" else {**url, "detail": card.image_detail}
