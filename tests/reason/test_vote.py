"""Questions asked several times, and what most of the answers say."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.errors import AnswerError, BackendError, ConfigError
from alref_local.reason.cache import AnswerCache
from alref_local.reason.calls import CallLog, read_calls
from alref_local.reason.card import Card, load_card
from alref_local.reason.question import Answer, AnswerSpec, Question
from alref_local.reason.vote import Voting, majority, voter
from tests.fakes import Scripted
from tests.reason.chat_server import ChatServer, Handler, ask, card_for, question, says

SEVERAL = AnswerSpec(("1", "2", "3"), max_items=3, none_allowed=True)


def said(items: str, sure: float | None = None) -> Answer:
    """An answer as ``"12"`` for [1, 2], with the probability of each of its items."""
    chosen = tuple(items)
    confidences = None if sure is None else dict.fromkeys(chosen or ("none",), sure)
    return Answer(chosen, raw=f"[{items}] {sure}", confidences=confidences)


@pytest.mark.parametrize(
    ("answers", "winner", "agreement"),
    [
        ([said("2")], 0, 1.0),
        ([said("1"), said("2"), said("2")], 1, 2 / 3),
        ([said("1"), said("21"), said("12")], 1, 2 / 3),
        ([said("1"), said("12"), said("1")], 0, 2 / 3),
        ([said(""), said("1"), said("")], 0, 2 / 3),
        ([said("3"), said("1"), said("2")], 0, 1 / 3),
        ([said("1", 0.4), said("2", 0.9)], 1, 1 / 2),
        ([said("1", 0.4), said("", 0.9)], 1, 1 / 2),
        ([said("1", 0.4), said("2", 0.9), said("1", 0.4)], 0, 2 / 3),
        ([said("1", 0.4), said("2", 0.9), said("3")], 0, 1 / 3),
        ([said("1", 0.9), said("2", 0.8), said("1", 0.1), said("2", 0.8)], 1, 1 / 2),
        ([said("1", 0.5), said("2", 0.5)], 0, 1 / 2),
    ],
)
def test_the_answer_given_most_often_wins(answers: list[Answer], winner: int, agreement: float) -> None:
    """A rare answer is chosen over a frequent one, or an unsure one over a sure one."""
    chosen = majority(answers)
    assert (chosen.items, chosen.raw) == (answers[winner].items, answers[winner].raw)
    assert chosen.agreement == pytest.approx(agreement)


@given(st.lists(st.permutations(["1", "2", "3"]).map(lambda p: p[:2]), min_size=1, max_size=9))
def test_no_other_answer_was_given_more_often(given_items: list[list[str]]) -> None:
    """The majority is none."""
    answers = [Answer(tuple(items), raw=str(n)) for n, items in enumerate(given_items)]
    chosen = majority(answers)
    counts = [sum(set(one.items) == set(other.items) for other in answers) for one in answers]
    assert counts[int(chosen.raw)] == max(counts)
    assert chosen.agreement == max(counts) / len(answers)


def by_sample(*answers: tuple[str, ...] | None) -> Scripted:
    return Scripted(lambda asked: answers[asked.address.sample])


def vote(backend: Scripted, repeat: int) -> Answer:
    return asyncio.run(Voting(backend, repeat).ask(question(SEVERAL)))


def test_invalid_answers_do_not_vote() -> None:
    """Replies that say nothing dilute the agreement, or drop the clip."""
    chosen = vote(by_sample(None, ("2",), None, ("1",), ("2",)), 5)
    assert (chosen.items, chosen.agreement) == (("2",), 2 / 3)
    assert chosen.raw == "I think ['2']"


def test_no_valid_answer_at_all_is_an_invalid_answer() -> None:
    """A clip without an answer ends the run."""
    with pytest.raises(AnswerError, match="None of 3 answers was valid; the last: no valid answer came"):
        vote(by_sample(None, None, None), 3)


def test_after_a_failure_the_other_samples_are_still_taken() -> None:
    """Answers that are on their way, and paid for, would be asked again by the next start."""
    told: list[int] = []

    class Dying:
        name = "dying"

        async def ask(self, asked: Question) -> Answer:
            if asked.address.sample == 1:
                raise BackendError("it died")
            await asyncio.sleep(0.01)
            told.append(asked.address.sample)
            return Answer(("1",), "[1]")

        async def close(self) -> None: ...

    with pytest.raises(BackendError, match="it died"):
        asyncio.run(Voting(Dying(), 3).ask(question()))
    assert told == [0, 2]


def test_whoever_calls_off_a_vote_does_not_wait() -> None:
    """Ctrl-C takes as long as the slowest sample, or leaves it asked in the background."""
    cancelled: list[int] = []

    class Slow:
        name = "slow"

        async def ask(self, asked: Question) -> Answer:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                cancelled.append(asked.address.sample)
                raise
            raise AssertionError("nobody waits so long")

        async def close(self) -> None: ...

    async def called_off() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Voting(Slow(), 2).ask(question()), 0.05)

    asyncio.run(called_off())
    assert cancelled == [0, 1]


class Gathering:
    """Says [1] to all when ``number`` requests are there."""

    def __init__(self, number: int) -> None:
        self.barrier = threading.Barrier(number, timeout=10)

    def __call__(self, handler: Handler) -> None:
        self.barrier.wait()
        says("[1]")(handler)


def test_samples_are_in_flight_together_each_with_its_seed(tmp_path: Path) -> None:
    """A vote takes N times as long, or is N times the same reply, or the log does not show how it was sampled."""
    with ChatServer(then=Gathering(3)) as server, CallLog(tmp_path / "calls.jsonl") as log:
        card = voter(card_for(server), 3)
        (chosen,) = ask(card, question(), log=log, repeat=3)
        assert server.most_at_once == 3
        assert sorted(request["seed"] for request in server.requests) == [0, 1, 2]
        assert {request["temperature"] for request in server.requests} == {0.7}
    assert isinstance(chosen, Answer)
    assert chosen.agreement == 1
    calls = read_calls(tmp_path)
    assert sorted(call["address"]["sample"] for call in calls) == [0, 1, 2]
    assert {call["sampling"]["temperature"] for call in calls} == {0.7}


def test_votes_are_replayed_resumed_and_cached(tmp_path: Path) -> None:
    """A vote cannot be repeated, or is paid for again."""
    script = says("[2]"), says("?"), says("[1]"), says("[2]")
    cache = AnswerCache(tmp_path / "answers.sqlite")
    with ChatServer(*script, then=says("[3]")) as server:
        card = voter(card_for(server, concurrency=1, retries=0), 4)
        with CallLog(tmp_path / "a" / "calls.jsonl") as log:
            (told,) = ask(card, question(), log=log, repeat=4, cache=cache)
        assert len(server.requests) == 4
        (replayed,) = ask(load_card(f"replay:{tmp_path / 'a'}"), question(), repeat=4)
        # The invalid sample was not kept, and is the one that is asked again.
        (resumed,) = ask(card, question(), repeat=4, begun=tmp_path / "a")
        assert len(server.requests) == 5
        (cached,) = ask(card, question(), repeat=4, cache=cache)
        assert len(server.requests) == 6
    cache.close()
    for one in (told, replayed):
        assert isinstance(one, Answer)
        assert (one.items, one.raw, one.agreement) == (("2",), "[2]", 2 / 3)
    for one in (resumed, cached):
        assert isinstance(one, Answer)
        assert (one.items, one.agreement) == (("2",), 2 / 4)


def test_ties_are_broken_in_a_replay_as_they_were(tmp_path: Path) -> None:
    """A replayed vote falls otherwise, and the masks are others."""
    answers = [said("1", 0.4), said("2", 0.9)]
    with CallLog(tmp_path / "calls.jsonl") as log:
        for number, answer in enumerate(answers):
            log.write(question().sampled(number), Card(name="b", kind="none"), 1, answer=answer)
    (replayed,) = ask(load_card(f"replay:{tmp_path}"), question(), repeat=2)
    assert isinstance(replayed, Answer)
    assert replayed.items == ("2",)


def test_replay_of_fewer_samples_says_so(tmp_path: Path) -> None:
    """A vote among fewer answers passes for the one asked for."""
    with CallLog(tmp_path / "calls.jsonl") as log:
        for number in range(2):
            log.write(question().sampled(number), Card(name="b", kind="none"), 1, answer=said("1"))
    (error,) = ask(load_card(f"replay:{tmp_path}"), question(), repeat=3)
    assert isinstance(error, ConfigError)
    assert "vote 3" in str(error)
    assert "--repeat" in error.hint


@pytest.mark.parametrize(
    ("card", "temperature"),
    [
        ({"kind": "openai", "temperature": 0}, 0.7),
        ({"kind": "openai", "temperature": 0, "vote_temperature": 0.3}, 0.3),
        ({"kind": "openai", "temperature": 1.2}, 1.2),
        ({"kind": "openai", "temperature": None}, None),
        ({"kind": "local", "temperature": None}, 0.7),
        ({"kind": "replay", "run": "x", "temperature": 0}, 0),
    ],
)
def test_a_vote_is_not_taken_at_temperature_0(card: dict[str, object], temperature: float | None) -> None:
    """N times the same reply looks like full agreement, or a person's own temperature is ignored."""
    made = Card.model_validate({"name": "b", "model": "m", "endpoint": "http://h", **card})
    assert voter(made, 3).temperature == temperature
    assert voter(made, 1) == made


def test_nobody_cannot_be_asked_several_times() -> None:
    """`--repeat` without a backend is ignored without a word."""
    with pytest.raises(ConfigError, match="'none' is never asked"):
        voter(load_card("none"), 2)
