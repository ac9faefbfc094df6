"""What can go wrong between a client and a real server: each ends in an answer, or in one sentence with a hint."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from alref_local.errors import AlrefError, AnswerError, BackendError, ConfigError, PrerequisiteError
from alref_local.reason import vllm
from alref_local.reason.card import Card
from alref_local.reason.question import Answer, AnswerSpec, ImagePart, Question
from tests.reason.chat_server import ask
from tests.vllm.asking import KEY_ENV, answers, card_for, clip, frame_question, is_valid
from vllm_server import VllmServer

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("servers")]


def a_question(**changes: object) -> Question:
    return replace(frame_question(clip(810_002), "the dog"), **changes)  # type: ignore[arg-type]


def picture(size: tuple[int, int]) -> ImagePart:
    """A black PNG, ``size`` (width, height)."""
    buffer = io.BytesIO()
    Image.new("1", size).save(buffer, "PNG")
    return ImagePart(buffer.getvalue(), "image/png")


def failure(card: Card, question: Question | None = None) -> AlrefError:
    """The error that a question ends in: one line for people, and a way out."""
    (reply,) = ask(card, question or a_question())
    assert isinstance(reply, AlrefError), reply
    assert str(reply).strip()
    assert "\n" not in str(reply)
    assert "Traceback" not in str(reply)
    assert reply.hint
    return reply


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ((picture((64, 64)),) * 5, "At most 4 image"),
        ((ImagePart(b"\xff\xd8\xff these are no pixels"),), "image"),
        ((ImagePart(b""),), "image"),
        ((picture((2, 1000)),), "Qwen2VLProcessor"),
        ((picture((14_000, 14_000)),), "exceeds limit"),
    ],
    ids=["too many", "broken", "empty", "too narrow", "too large"],
)
def test_pictures_that_the_server_refuses(
    server: VllmServer, images: tuple[ImagePart, ...], said: str
) -> None:
    """A person would be told of the server's insides, or of nothing."""
    error = failure(card_for(server, "A"), a_question(images=images))
    assert isinstance(error, BackendError)
    assert said in str(error)


def test_a_large_picture_is_answered(server: VllmServer) -> None:
    """Strips of large videos would be refused, although the server shrinks them."""
    asked = a_question(images=(picture((4000, 4000)),))
    (answer,) = answers(ask(card_for(server, "A"), asked))
    assert is_valid(answer, asked.spec)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_tokens": 100_000}, "max_tokens"),
        ({"top_k": -7}, "top_k"),
        ({"temperature": 1e9}, "temperature"),
        ({"seed": 2**80}, "seed"),
    ],
    ids=lambda value: str(value),
)
def test_sampling_that_the_server_refuses(server: VllmServer, changes: dict[str, float], said: str) -> None:
    """A wrong number in a card would be tried again and again, or end in a traceback."""
    error = failure(card_for(server, "A", patience=60, **changes))
    assert isinstance(error, BackendError)
    assert not error.retryable
    assert said in str(error)


def test_a_refused_question_does_not_spoil_the_next(server: VllmServer) -> None:
    """The server forgets a refused question's image but not that it saw it, and fails once when it comes again."""
    asked = a_question(images=(picture((201, 99)),))
    assert isinstance(failure(card_for(server, "A", top_k=-7), asked), BackendError)
    (answer,) = answers(ask(card_for(server, "A"), asked))
    assert is_valid(answer, asked.spec)


def test_a_prompt_that_is_too_long(server: VllmServer) -> None:
    """A person would not learn that the sentence or the history is what does not fit."""
    error = failure(card_for(server, "A"), a_question(text="dog " * 5000))
    assert "maximum context length" in str(error)


def test_a_model_that_is_not_served(server: VllmServer) -> None:
    """A person would have to find out the served name by other means."""
    error = failure(card_for(server, "A", model="nope"))
    assert isinstance(error, ConfigError)
    assert "tiny" in error.hint


@pytest.mark.parametrize("key_env", ["", "ALREF_WRONG_KEY"])
def test_a_key_that_is_missing_or_wrong(
    server: VllmServer, key_env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person would look for the fault in the model, or find the key in a message."""
    monkeypatch.setenv("ALREF_WRONG_KEY", "sk-wrong")
    error = failure(card_for(server, "A", key_env=key_env))
    assert isinstance(error, PrerequisiteError)
    assert "key" in str(error)
    assert "sk-wrong" not in f"{error} {error.hint}"


def test_an_endpoint_without_a_chat_api(server: VllmServer) -> None:
    """A wrong path in a card would look like a broken server."""
    assert isinstance(failure(card_for(server, "A", endpoint=f"{server.root}/v2")), ConfigError)


def test_a_grammar_that_the_server_cannot_read(server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with another grammar engine would be asked again for minutes."""
    monkeypatch.setattr(vllm, "lark", lambda spec, think_tokens: "start: (((")
    error = failure(card_for(server, "A", patience=60))
    assert isinstance(error, BackendError)
    assert not error.retryable


@pytest.mark.parametrize("pattern", ["free", "json"])
def test_a_reply_that_is_cut_off(server: VllmServer, pattern: str) -> None:
    """Half an answer would be taken for one."""
    (reply,) = ask(card_for(server, pattern, max_tokens=16, think_tokens=1, retries=1), a_question())
    assert isinstance(reply, AnswerError)
    assert "\n" not in str(reply)


def test_a_thinking_pattern_with_a_server_that_knows_no_thoughts(server: VllmServer) -> None:
    """A person would not learn that the server lacks an option."""
    error = failure(card_for(server, "C"))
    assert isinstance(error, BackendError)
    assert "--reasoning-parser" in str(error)


@pytest.mark.parametrize("pattern", ["A", "B"])
def test_a_thinking_model_without_its_pattern(thinking_server: VllmServer, pattern: str) -> None:
    """The wrong letter in a card would end in a wrong id, or in nothing that can be understood."""
    asked = a_question()
    (reply,) = ask(card_for(thinking_server, pattern, retries=1), asked)
    assert is_valid(reply, asked.spec) if isinstance(reply, Answer) else isinstance(reply, AnswerError)


@pytest.mark.parametrize("pattern", ["A", "B"])
def test_names_with_marks_of_every_grammar_language(server: VllmServer, pattern: str) -> None:
    """A sound with a bracket or a slash in its name could not be chosen, or would break the request."""
    allowed = ("a/b", "c (d) {e}", "f|g?+^$.", "ẞ é 狗", "it's; #1 %x% <b>&amp;</b>")
    asked = a_question(spec=AnswerSpec(allowed, "names", 1, 2, none_allowed=True))
    samples = [replace(asked, address=replace(asked.address, sample=number)) for number in range(40)]
    given = answers(ask(card_for(server, pattern, temperature=1.5), *samples))
    assert all(is_valid(answer, asked.spec) for answer in given)
    assert len({item for answer in given for item in answer.items}) > 2


def test_a_reply_that_takes_too_long(server: VllmServer) -> None:
    """A stuck server would hold a run for ever."""
    error = failure(card_for(server, "A", think_tokens=3000, max_tokens=3100, timeout=0.5))
    assert isinstance(error, BackendError)
    assert error.retryable
    assert "0.5 s" in str(error)
    assert KEY_ENV not in str(error)
