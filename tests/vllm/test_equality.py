"""A model gives the same answers in process and behind a server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import accumulate, islice
from operator import and_, eq
from pathlib import Path

import numpy as np
import pytest

from alref_local.errors import BackendError
from alref_local.reason.card import Card
from alref_local.reason.grammar import MARKER
from alref_local.reason.local.responder import LocalResponder
from alref_local.reason.parse import parse
from alref_local.reason.question import Question
from alref_local.reason.reply import Reply, Responder, Token
from alref_local.reason.vllm import VllmResponder
from tests.vllm.asking import card_for, many_questions
from vllm_server import VllmServer

pytestmark = pytest.mark.vllm
MANY = 200
NEAR_TIE = 1e-3


def replies(responder: Responder, questions: Sequence[Question]) -> list[Reply]:
    """One reply to each, all asked at once."""

    def failed(error: BackendError) -> None:
        pytest.fail(str(error))

    async def together() -> list[Reply]:
        try:
            return await asyncio.gather(*(responder.reply(question, (), failed) for question in questions))
        finally:
            await responder.close()

    return asyncio.run(together())


def test_local_and_served_model_agree(twin_server: VllmServer, tmp_path: Path) -> None:
    """A comparison of backends would compare programs, not models: another prompt, grammar or picture."""
    questions = list(islice(many_questions(), MANY))
    how = {"think_tokens": 24, "max_tokens": 128, "temperature": 0.0, "top_k": -1, "logprobs": True}
    card = {"name": "test", "kind": "local", "model": str(tmp_path), "pattern": "A", "dtype": "float32"}
    here = replies(LocalResponder(Card.model_validate({**card, **how}), "cpu"), questions)
    there = replies(VllmResponder(card_for(twin_server, "A", **how)), questions)

    answers = [
        (parse(one.text, question.spec), parse(other.text, question.spec))
        for one, other, question in zip(here, there, questions, strict=True)
    ]
    assert len({one for one, _ in answers}) > 5
    assert np.mean([one == other for one, other in answers]) >= 0.99
    for (mine, theirs), one, other in zip(answers, here, there, strict=True):
        if mine != theirs:
            assert _gap(one, other.tokens) < NEAR_TIE
    prompts = [
        (one.usage.prompt_tokens, other.usage.prompt_tokens) for one, other in zip(here, there, strict=True)
    ]
    assert all(mine == theirs for mine, theirs in prompts)


def _gap(mine: Reply, tokens: Sequence[Token]) -> float:
    """How much likelier the server's token was than the next one, where a reply first says something else."""
    theirs, length = "".join(token.text for token in tokens), 0
    ways = (f"{mine.reasoning}{between}{mine.text}" for between in ("", " ", f"\n{MARKER} ", f"{MARKER} "))
    said = max(ways, key=lambda way: sum(accumulate(map(eq, way, theirs), and_)))
    for token in tokens:
        if not said.startswith(token.text, length):
            likeliest = sorted(token.top.values(), reverse=True)
            return likeliest[0] - likeliest[1]
        length += len(token.text)
    raise AssertionError("the texts are the same")
