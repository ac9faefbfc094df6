"""The call log, and answers played back from it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from alref_local.errors import AlrefError, AnswerError, BackendError, ConfigError, MediaError
from alref_local.reason.calls import CallLog, read_calls
from alref_local.reason.card import Card, load_card
from alref_local.reason.none import NoneBackend
from alref_local.reason.question import Answer, AnswerSpec, ImagePart, Question, Turn
from tests.reason.chat_server import ChatServer, ask, card_for, question, resets, says, status

CARD = Card(name="b", kind="openai", model="m", endpoint="http://127.0.0.1:1/v1")
MAYBE = AnswerSpec(("1", "2", "3"), none_allowed=True)


def record(path: Path, *asked: Question) -> list[Answer | AlrefError]:
    """Put questions to a server that answers 2 at the second go, then none, then nonsense, then fails."""
    script = (says("[9]"), says("It is ANSWER: [2]"), says("ANSWER: []"), says("?"), says("?"), status(400))
    with ChatServer(*script) as server, CallLog(path / "calls.jsonl") as log:
        return [ask(card_for(server), one, log=log)[0] for one in asked]


def test_every_exchange_is_a_line_with_all_that_decided_it(tmp_path: Path) -> None:
    """A result cannot be explained or repeated afterwards."""
    asked = question(MAYBE, history=(Turn("before", (ImagePart(b"earlier"),), "it"),))
    record(tmp_path, asked)
    wrong, right = read_calls(tmp_path)
    assert (wrong["raw"], wrong["answer"], wrong["attempt"]) == ("[9]", None, 1)
    assert wrong["error_type"] == "AnswerError"
    assert "'9', which is not one of 1, 2, 3" in wrong["error"]
    assert (right["raw"], right["answer"], right["error"]) == ("It is ANSWER: [2]", ["2"], None)
    assert (right["attempt"], right["backend"], right["model"]) == (2, "test", "served-model")
    assert right["address"] == {
        "item": "video",
        "reference": "dog",
        "step": "pivot_frame",
        "clip": 0,
        "sample": 0,
    }
    assert right["prompt_sha256"] == asked.prompt_sha256
    assert right["image_sha256s"] == [ImagePart(b"earlier").sha256, asked.images[0].sha256]
    assert (right["prompt_tokens"], right["completion_tokens"]) == (7, 5)
    assert right["milliseconds"] > 0
    assert right["sampling"]["temperature"] == 0
    assert right["sampling"]["seed"] == 0


def test_failed_exchanges_are_lines_too(tmp_path: Path) -> None:
    """A run that took an hour does not show that the server was down most of it."""
    with ChatServer(status(503), resets) as server, CallLog(tmp_path / "calls.jsonl") as log:
        ask(card_for(server), question(), log=log)
    calls = read_calls(tmp_path)
    assert [call["error_type"] for call in calls] == ["BackendError", "BackendError", None]
    assert "503" in calls[0]["error"]
    assert calls[0]["raw"] is None


def test_replay_gives_the_same_answers_and_failures(tmp_path: Path) -> None:
    """A replayed run makes other masks than the run it replays."""
    asked = [question(MAYBE, clip=clip) for clip in range(4)]
    told = record(tmp_path, *asked)
    again = ask(load_card(f"replay:{tmp_path}"), *reversed(asked))[::-1]
    for before, after in zip(told, again, strict=True):
        assert type(after) is type(before)
        if isinstance(before, Answer) and isinstance(after, Answer):
            assert (after.items, after.raw, after.model) == (before.items, before.raw, before.model)
            assert after.attempts == before.attempts
        else:
            assert str(after) == str(before)
    kinds = [type(one) for one in told]
    assert kinds == [Answer, Answer, AnswerError, BackendError]


def differing(asked: Question) -> dict[str, Question]:
    """The same address, something else asked."""
    return {
        "the prompt": replace(asked, text="Which box?"),
        "the images": replace(asked, images=(ImagePart(b"other"),)),
        "the prompt (recorded with the prompt set 'test') and the images": replace(
            asked, history=(Turn("t", asked.images, "r"),)
        ),
    }


@pytest.mark.parametrize("words", differing(question()))
def test_replay_refuses_another_question_and_says_what_differs(words: str, tmp_path: Path) -> None:
    """Answers to other pictures or prompts are passed off as answers to these."""
    record(tmp_path, question())
    (error,) = ask(load_card(f"replay:{tmp_path}"), differing(question())[words])
    assert isinstance(error, ConfigError)
    assert words in str(error)


def test_replay_refuses_what_was_never_asked(tmp_path: Path) -> None:
    """A missing answer becomes some other clip's answer."""
    record(tmp_path, question())
    (error,) = ask(load_card(f"replay:{tmp_path}"), question(clip=5))
    assert isinstance(error, ConfigError)
    assert "clip 5" in str(error)


def test_replay_checks_recorded_answers_against_the_question(tmp_path: Path) -> None:
    """An edited or older log brings in an id that is not on offer."""
    record(tmp_path, question())
    (error,) = ask(load_card(f"replay:{tmp_path}"), question(AnswerSpec(("1",))))
    assert isinstance(error, AnswerError)


def test_a_recorded_answer_that_is_no_longer_allowed_is_asked_again(tmp_path: Path) -> None:
    """A run that goes on under other settings takes two boxes where it now wants one."""
    record(tmp_path, question())
    with ChatServer(then=says("[1]")) as server:
        card = card_for(server)
        (same,) = ask(card, question(), begun=tmp_path)
        assert server.requests == []
        (other,) = ask(card, question(AnswerSpec(("1",))), begun=tmp_path)
        assert len(server.requests) == 1
    assert [one.items for one in (same, other) if isinstance(one, Answer)] == [("2",), ("1",)]


def test_replay_of_a_folder_without_a_log_says_so(tmp_path: Path) -> None:
    """A wrong folder shows up as missing answers at the first question."""
    with pytest.raises(ConfigError, match="no call log"):
        ask(load_card(f"replay:{tmp_path}"))


def test_broken_lines_are_passed_over(tmp_path: Path) -> None:
    """One line cut by a kill makes the whole run worthless."""
    record(tmp_path, question())
    path = tmp_path / "calls.jsonl"
    good = path.read_bytes()
    path.write_bytes(b'{"address": {"clip"\n\xff\xfe\n[1]\nnull\n{"address": {}}\n' + good + good[:40])
    with CallLog(path) as log:
        log.write(question(clip=1), CARD, 1, answer=Answer(("1",), "[1]"))
    assert [call["answer"] for call in read_calls(path)] == [None, ["2"], ["1"]]


def test_replay_needs_no_other_file_than_the_log(tmp_path: Path) -> None:
    """A log sent by mail cannot be replayed."""
    (told,) = record(tmp_path, question())
    (again,) = ask(Card(name="r", kind="replay", run=tmp_path / "calls.jsonl"), question())
    assert isinstance(told, Answer)
    assert isinstance(again, Answer)
    assert told.items == again.items


def test_lines_are_on_disk_when_the_program_is_killed(tmp_path: Path) -> None:
    """A killed run asks, and pays for, every question again."""
    program = f"""
from pathlib import Path
from tests.reason.test_calls import CARD, question
from alref_local.reason.calls import CallLog
from alref_local.reason.question import Answer
log = CallLog(Path({str(tmp_path / "calls.jsonl")!r}))
for clip in range(3):
    log.write(question(clip=clip), CARD, 1, answer=Answer(("1",), "[1]"))
print("ready", flush=True)
import time; time.sleep(60)
"""
    here = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, str(Path(here).parents[1])])}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        run.send_signal(signal.SIGKILL)
    assert [call["address"]["clip"] for call in read_calls(tmp_path)] == [0, 1, 2]


def test_a_log_that_cannot_be_written_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    """The run ends with a traceback after the first paid question."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="cannot be written"):
        CallLog(tmp_path / "file" / "calls.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said_in_one_sentence() -> None:
    """A run of hours ends in a traceback."""
    with CallLog(Path("/dev/full")) as log, pytest.raises(MediaError, match="No space left"):
        log.write(question(), CARD, 1)


def test_the_log_is_plain_ascii_json_whatever_is_said(tmp_path: Path) -> None:
    """Half characters of a model's reply break the log, or control codes the terminal that shows it."""
    with CallLog(tmp_path / "calls.jsonl") as log:
        log.write(question(), CARD, 1, answer=Answer(("1",), "\ud800\x1b[31m狗\n\u2028"))
    line = (tmp_path / "calls.jsonl").read_bytes()
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line)["raw"].endswith("狗\n\u2028")


def test_the_none_backend_says_that_it_cannot_answer() -> None:
    """A config that asks, with a backend that cannot, ends in a traceback."""
    with pytest.raises(ConfigError, match="'none' cannot answer a pivot_frame question"):
        asyncio.run(NoneBackend().ask(question()))


def test_a_question_asked_again_has_its_own_address() -> None:
    """Repeats overwrite each other's recorded answer."""
    assert question().sampled(1).address != question().address
    assert question().sampled(1).prompt_sha256 == question().prompt_sha256
