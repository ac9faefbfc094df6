"""Answers that are not asked for again, and all that makes a question another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alref_local.errors import AnswerError
from alref_local.reason import cached
from alref_local.reason.cache import AnswerCache
from alref_local.reason.cached import answer_key
from alref_local.reason.calls import CallLog, read_calls
from alref_local.reason.card import Card, load_card
from alref_local.reason.question import Answer, AnswerSpec, ImagePart, Question, Turn
from alref_local.reason.usage import totals
from tests.reason.chat_server import ChatServer, ask, card_for, question, says, status

CARD = Card(name="b", kind="vllm", model="m", endpoint="http://127.0.0.1:1/v1", pattern="A")
ASKED = question(history=(Turn("before", (ImagePart(b"earlier"),), "it"),))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[AnswerCache]:
    opened = AnswerCache(tmp_path / "answers.sqlite")
    yield opened
    opened.close()


def test_a_known_answer_is_not_asked_for(cache: AnswerCache, tmp_path: Path) -> None:
    """The same question is paid for in every run, or a run that was not can no longer be replayed."""
    with ChatServer(says("[9]"), then=says("It is ANSWER: [2]")) as server:
        prices = {"input": 1, "output": 1}
        (first,) = ask(card_for(server, prices=prices), question(), cache=cache)
        with CallLog(tmp_path / "calls.jsonl") as log:
            (again,) = ask(card_for(server, prices=prices), question(clip=3), cache=cache, log=log)
        assert len(server.requests) == 2
    assert isinstance(first, Answer)
    assert again == first
    assert first.attempts == 2
    assert first.usage.dollars == pytest.approx(12e-6)
    (line,) = read_calls(tmp_path)
    assert (line["cached"], line["answer"], line["address"]["clip"]) == (True, ["2"], 3)
    assert (line["server"], line["raw"], line["attempt"]) == ("", first.raw, 2)
    spent = totals([line])
    assert (spent.questions, spent.from_cache, spent.exchanges, spent.dollars) == (1, 1, 0, None)
    (replayed,) = ask(load_card(f"replay:{tmp_path}"), question(clip=3))
    assert isinstance(replayed, Answer)
    assert (replayed.items, replayed.raw) == (first.items, first.raw)


def test_invalid_answers_and_failures_are_never_kept(cache: AnswerCache) -> None:
    """One bad reply of a model, or a bad minute of its server, decides every later run."""
    with ChatServer(says("?"), says("?"), status(400), then=says("[3]")) as server:
        told = [ask(card_for(server), question(), cache=cache)[0] for _ in range(4)]
        assert len(server.requests) == 4
    assert [type(one).__name__ for one in told] == ["AnswerError", "BackendError", "Answer", "Answer"]


def test_an_answer_that_took_more_attempts_than_are_allowed_is_asked_for(cache: AnswerCache) -> None:
    """A protocol without second attempts takes its answers from another's second attempts."""
    with ChatServer(says("?"), says("[2]"), then=says("?")) as server:
        (first,) = ask(card_for(server), question(), cache=cache)
        (strict,) = ask(card_for(server, retries=0), question(), cache=cache)
        (second,) = ask(card_for(server), question(), cache=cache)
    assert isinstance(strict, AnswerError)
    assert second == first


OTHER_CARDS: dict[str, dict[str, Any]] = {
    "kind": {"kind": "openai", "pattern": "json"},
    "endpoint": {"endpoint": "http://127.0.0.1:2/v1"},
    "model": {"model": "n"},
    "pattern": {"pattern": "B"},
    "temperature": {"temperature": 0.5},
    "top_p": {"top_p": 0.5},
    "top_k": {"top_k": 5},
    "seed": {"seed": 1},
    "max_tokens": {"max_tokens": 1000},
    "think_tokens": {"think_tokens": 500},
    "reasoning_effort": {"reasoning_effort": "low"},
    "image_detail": {"image_detail": "low"},
    "image_pixels": {"image_pixels": 2048},
    "dtype": {"dtype": "float32"},
    "logprobs": {"logprobs": True},
}
OTHER_QUESTIONS = {
    "text": replace(ASKED, text="Which box?"),
    "image": replace(ASKED, images=(ImagePart(b"other"),)),
    "one image more": replace(ASKED, images=(*ASKED.images, ImagePart(b"other"))),
    "text first": replace(ASKED, images_first=False),
    "no history": replace(ASKED, history=()),
    "history's words": replace(ASKED, history=(replace(ASKED.history[0], text="after"),)),
    "history's reply": replace(ASKED, history=(replace(ASKED.history[0], reply="no"),)),
    "history's image": replace(ASKED, history=(replace(ASKED.history[0], images=(ImagePart(b"x"),)),)),
    "image of the history": replace(
        ASKED,
        history=(replace(ASKED.history[0], images=()),),
        images=(ImagePart(b"earlier"), *ASKED.images),
    ),
    "choice": replace(ASKED, spec=AnswerSpec(("1", "2"))),
    "none": replace(ASKED, spec=replace(ASKED.spec, none_allowed=True)),
    "sample": ASKED.sampled(1),
}
SAME_CARDS: dict[str, dict[str, Any]] = {
    "name": {"name": "other"},
    "patience": {"patience": 1, "timeout": 1, "backoff": 2, "concurrency": 1, "retries": 3},
    "key": {"key_env": "OTHER_KEY"},
    "words": {"about": "x", "licence": "x", "serve": "x"},
    "prices": {"prices": {"input": 1, "output": 2}},
}


@pytest.mark.parametrize("changes", OTHER_CARDS.values(), ids=OTHER_CARDS)
def test_another_model_or_way_of_sampling_is_asked_itself(changes: dict[str, Any]) -> None:
    """One model's answers pass for another's."""
    assert answer_key(ASKED, CARD.overridden(changes)) != answer_key(ASKED, CARD)


@pytest.mark.parametrize("other", OTHER_QUESTIONS.values(), ids=OTHER_QUESTIONS)
def test_another_question_is_asked(other: Question) -> None:
    """The answer to other words or pictures passes for the answer to these."""
    assert answer_key(other, CARD) != answer_key(ASKED, CARD)


@pytest.mark.parametrize("changes", SAME_CARDS.values(), ids=SAME_CARDS)
def test_what_does_not_decide_the_reply_does_not_count(changes: dict[str, Any]) -> None:
    """A longer timeout, or another name for the card, costs every answer that was paid for."""
    assert answer_key(ASKED, CARD.overridden(changes)) == answer_key(ASKED, CARD)


def test_where_a_question_stands_does_not_count() -> None:
    """The same pictures and words in another video are paid for again."""
    other = replace(ASKED, address=replace(ASKED.address, item="other", clip=7), prompt_set="copy")
    assert answer_key(other, CARD) == answer_key(ASKED, CARD)


def test_new_weights_under_an_old_name_are_asked_themselves(tmp_path: Path) -> None:
    """A model that was trained further answers with its past self."""
    weights = tmp_path / "model.safetensors"
    keys = set()
    for words in ("trained", "trained further"):
        weights.write_text(words)
        cached._weights.cache_clear()  # as in the next run
        keys |= {answer_key(ASKED, Card(name="l", kind="local", model=str(tmp_path))) for _ in range(2)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"items": ["9"]},
        {"items": []},
        {"items": ["1", "1"]},
        {"items": "1"},
        {"items": [1]},
        {"usage": 3},
        {"attempts": "many"},
        None,
    ],
)
def test_a_spoilt_entry_is_asked_for_again(change: dict[str, Any] | None, cache: AnswerCache) -> None:
    """An id that is not on offer comes in through the cache, or a traceback."""
    with ChatServer(then=says("[2]")) as server:
        card = card_for(server)
        (first,) = ask(card, question(), cache=cache)
        key = answer_key(question(), card)
        entry = json.loads(cache.get(key) or "")
        cache.put(key, "{" if change is None else json.dumps(entry | change))
        (again,) = ask(card, question(), cache=cache)
        asked = len(server.requests)
    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert again.items == first.items
    assert asked == 2
