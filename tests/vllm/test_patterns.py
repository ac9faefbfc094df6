"""Questions through a real server: every answer is valid, its confidences mean something, the cache is used."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from alref_local.reason.calls import CallLog, read_calls
from alref_local.reason.confidence import NONE
from alref_local.reason.prompts import load_prompts
from alref_local.reason.question import Answer
from alref_local.select.references import lbru_question
from alref_local.settings import Sound
from alref_local.types import Tag
from tests.reason.chat_server import ask
from tests.vllm.asking import answers, box_question, card_for, clip, frame_question, is_valid, many_questions
from vllm_server import VllmServer

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("servers")]
MANY = 120


@pytest.fixture(params=["A", "B", "C"])
def pattern(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fitting_server(pattern: str, request: pytest.FixtureRequest) -> VllmServer:
    """The server of a model that the pattern is for."""
    started = request.getfixturevalue("thinking_server" if pattern == "C" else "server")
    assert isinstance(started, VllmServer)
    return started


@pytest.mark.parametrize("many", [MANY, pytest.param(500, marks=pytest.mark.soak)])
def test_every_answer_is_valid(fitting_server: VllmServer, pattern: str, many: int) -> None:
    """A question in a hundred would cost its clip, or its confidences would be noise."""
    questions = list(islice(many_questions(), many))
    asked_before = fitting_server.requests("/v1/chat/completions")
    given = answers(ask(card_for(fitting_server, pattern, temperature=1.0), *questions))
    sent = fitting_server.requests("/v1/chat/completions") - asked_before

    assert all(is_valid(answer, question.spec) for answer, question in zip(given, questions, strict=True))
    assert len(Counter(answer.items for answer in given)) > 20
    if pattern == "A":
        assert sent == many
    if pattern == "B":
        assert sent == 2 * many
    if pattern == "C":
        assert many < sent < 1.5 * many  # some of the models ended their turn while thinking
    _confidences_foretell(given)


def _confidences_foretell(given: list[Answer]) -> None:
    """Sampled at temperature 1, an item comes as often as its confidence says."""
    expected, seen = [], []
    for answer in given:
        assert answer.confidences is not None
        chances = np.array(list(answer.confidences.values()))
        assert chances.sum() == pytest.approx(1)
        expected.append((chances**2).sum())
        seen.append(answer.confidences[answer.items[0] if answer.items else NONE])
    assert np.mean(seen) == pytest.approx(np.mean(expected), abs=0.05)
    assert min(seen) > 0


@pytest.mark.parametrize("frame", [False, True])
def test_open_lists_hold_plain_names(fitting_server: VllmServer, pattern: str, frame: bool) -> None:
    """The server does not know the grammar of the sound question, or holds answers to another."""
    prompts = load_prompts("released" if frame else "alref")
    sound = Sound(most=1, frame=frame)
    asked = lbru_question(clip(810_000), [Tag("Bark", 0.9)], (), prompts, sound)
    samples = [replace(asked, address=replace(asked.address, sample=number)) for number in range(20)]
    card = card_for(fitting_server, pattern, temperature=1.0, max_tokens=300)
    given = answers(ask(card, *samples))
    names = [name for answer in given for name in answer.items]
    assert names
    assert all(re.fullmatch(asked.spec.pattern, name, re.IGNORECASE) for name in names)
    assert all(answer.confidences is None for answer in given)


def test_server_is_looked_at_once(fitting_server: VllmServer, pattern: str, tmp_path: Path) -> None:
    """Every question would pay for a look at the server, or the log would not say which one answered."""
    before = {path: fitting_server.requests(path) for path in ("/version", "/v1/models")}
    with CallLog(tmp_path / "calls.jsonl") as log:
        answers(ask(card_for(fitting_server, pattern), *islice(many_questions(), 40), log=log))
    looks = {path: fitting_server.requests(path) - seen for path, seen in before.items()}
    assert looks == {"/version": 1, "/v1/models": 1}
    calls = read_calls(tmp_path)
    assert len(calls) == 40
    assert {call["server"] for call in calls} == {"vllm 0.32.0"}
    assert all(call["confidences"] and call["cached_tokens"] is not None for call in calls)


def test_card_decides_the_sampling(fitting_server: VllmServer, pattern: str) -> None:
    """The timid defaults of the checkpoint would decide instead of the card: votes would all be one vote."""
    asked = frame_question(clip(810_000), "the horse")
    samples = [replace(asked, address=replace(asked.address, sample=number)) for number in range(12)]
    lively = answers(ask(card_for(fitting_server, pattern, temperature=1.0), *samples))
    assert len({answer.raw for answer in lively}) == len(samples)
    greedy = answers(ask(card_for(fitting_server, pattern, concurrency=1), *samples[:4]))
    assert len({answer.raw for answer in greedy}) == 1


def test_second_sentence_finds_the_first_ones_cache(server: VllmServer) -> None:
    """Every sentence on a video would pay for its pictures again."""
    context = clip(810_009, (240, 320))
    card = card_for(server, "A", concurrency=1)
    first, second = answers(
        ask(card, frame_question(context, "the dog"), frame_question(context, "a big red bus on the left"))
    )
    assert _cached(first) < 0.6 <= _cached(second)


def _cached(answer: Answer) -> float:
    assert answer.usage.prompt_tokens is not None
    assert answer.usage.cached_tokens is not None
    return answer.usage.cached_tokens / answer.usage.prompt_tokens


def test_more_at_once_than_the_server_takes_wait_their_turn(server: VllmServer) -> None:
    """A server that takes fewer questions together than a card sends would refuse some of them."""
    asked = box_question(clip(810_001), "the cat")
    card = card_for(server, "A", think_tokens=2, concurrency=300, temperature=1.0)
    assert all(is_valid(answer, asked.spec) for answer in answers(ask(card, *[asked] * 300)))
