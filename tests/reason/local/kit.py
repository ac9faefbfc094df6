"""Questions for a local model and what comes back: for the tests of the local backend."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from alref_local.errors import AlrefError
from alref_local.reason.backends import make_backend
from alref_local.reason.calls import CallLog
from alref_local.reason.card import Card
from alref_local.reason.grammar import MARKER
from alref_local.reason.local.responder import Models
from alref_local.reason.question import Address, Answer, AnswerSpec, ImagePart, Question

IDS = AnswerSpec(("1", "2", "3", "4"))
SPECS = (
    IDS,
    AnswerSpec(("dog", "police car", "Åse's (old) cat"), "names"),
    AnswerSpec(("1", "2"), none_allowed=True),
    AnswerSpec(("1", "2", "3"), min_items=2, max_items=3),
    AnswerSpec(("a", "b"), "names", max_items=2, none_allowed=True),
)
MODELS: Models = {}
"""Loaded once for all tests but those that load or break."""


def card_of(folder: Path, **changes: Any) -> Card:
    """A card of pattern A with short reasoning, in fp32."""
    quick = {"pattern": "A", "think_tokens": 12, "max_tokens": 80, "dtype": "float32", "logprobs": True}
    return Card.model_validate({"name": "test", "kind": "local", "model": str(folder), **quick, **changes})


def question(spec: AnswerSpec = IDS, number: int = 0, sample: int = 0, **changes: Any) -> Question:
    """A question about a picture of its own; prompts differ in length."""
    data = BytesIO()
    Image.linear_gradient("L").resize((112 + 28 * (number % 3), 84)).rotate(9 * number).save(data, "PNG")
    parts: dict[str, Any] = {
        "step": "pivot_frame",
        "text": f"Which frame shows the dog{' and the ball' * (number % 4)}? End with {MARKER} and a list.",
        "images": (ImagePart(data.getvalue(), "image/png"),),
        "spec": spec,
        "address": Address("video", "dog", "pivot_frame", number, sample),
        "prompt_set": "test",
    }
    return Question(**{**parts, **changes})


def ask(
    card: Card, *asked: Question, log: CallLog | None = None, models: Models | None = MODELS
) -> list[Answer | AlrefError]:
    """Ask all at once; errors come back in place of answers."""

    async def one(backend: Any, some: Question) -> Answer | AlrefError:
        try:
            answer: Answer = await backend.ask(some)
        except AlrefError as error:
            return error
        return answer

    async def work(backend: Any) -> list[Answer | AlrefError]:
        return list(await asyncio.gather(*(one(backend, some) for some in asked)))

    told: list[Answer | AlrefError] = within(card, work, log=log, models=models)
    return told


def within(
    card: Card,
    work: Callable[[Any], Awaitable[Any]],
    log: CallLog | None = None,
    models: Models | None = MODELS,
) -> Any:
    """What ``work`` does with the card's backend on this CPU, which is closed afterwards."""

    async def run() -> Any:
        backend = make_backend(card, log=log, device="cpu", models=models)
        try:
            return await work(backend)
        finally:
            await backend.close()

    return asyncio.run(run())


def answers(told: Sequence[Answer | AlrefError]) -> list[Answer]:
    """All of them, if all of them are answers."""
    assert not [error for error in told if isinstance(error, AlrefError)], told
    return [answer for answer in told if isinstance(answer, Answer)]
