"""What a run took, by its call log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alref_local.errors import AnswerError, BackendError
from alref_local.reason.calls import CallLog, read_calls
from alref_local.reason.card import Card, Prices
from alref_local.reason.question import Answer, Usage
from alref_local.reason.reply import Reply
from alref_local.reason.usage import totals
from alref_local.types import Totals
from tests.reason.chat_server import ChatServer, ask, card_for, question, says

CARD = Card(name="b", kind="openai", model="m", endpoint="http://127.0.0.1:1/v1")


def reply(prompt: int | None, completion: int | None, dollars: float | None, cached: int = 0) -> Reply:
    return Reply("[1]", "stop", "m", Usage(prompt, completion, cached, 1.0, dollars))


def test_a_log_is_added_up(tmp_path: Path) -> None:
    """A run of hours and dollars does not say what it cost."""
    right = Answer(("1",), "[1]", usage=Usage(1_000, 1_000, 0, 1.0, 9.0))
    with CallLog(tmp_path / "calls.jsonl") as log:
        log.write(question(), CARD, 1, reply=reply(100, 20, 0.25), error=AnswerError("bad"))
        log.write(question(), CARD, 2, reply=reply(150, 20, 0.5, cached=90), answer=right)
        log.write(question(clip=1), CARD, 1, error=BackendError("down"))
        log.write(question(clip=2), CARD, 1, answer=right, cached=True)
        for sample in range(3):
            log.write(question(clip=3).sampled(sample), CARD, 1, reply=reply(None, 1, None), answer=right)
    assert totals(read_calls(tmp_path)) == Totals(
        questions=3,
        exchanges=6,
        failed=2,
        from_cache=1,
        prompt_tokens=250,
        completion_tokens=43,
        cached_tokens=90,
        dollars=0.75,
    )


def test_without_prices_nothing_is_said_of_dollars(tmp_path: Path) -> None:
    """A free model costs $0.00, and so does one whose price nobody knows."""
    with ChatServer(then=says("[1]")) as server, CallLog(tmp_path / "calls.jsonl") as log:
        ask(card_for(server), question(), log=log)
    spent = totals(read_calls(tmp_path))
    assert (spent.prompt_tokens, spent.completion_tokens, spent.dollars) == (7, 5, None)


@pytest.mark.parametrize(("prices", "dollars"), [({"input": 2, "output": 10}, 64e-6), (None, None)])
def test_every_exchange_is_priced_by_the_card(
    prices: dict[str, Any] | None, dollars: float | None, tmp_path: Path
) -> None:
    """Replies that were invalid cost nothing in the sums, and something on the bill."""
    with ChatServer(says("?"), then=says("[1]")) as server, CallLog(tmp_path / "calls.jsonl") as log:
        card = card_for(server).overridden({"prices": prices})
        (answer,) = ask(card, question(), question(clip=1), log=log)[:1]
    assert isinstance(answer, Answer)
    spent = totals(read_calls(tmp_path))
    expected = None if dollars is None else pytest.approx(3 * dollars)
    assert spent.dollars == expected
    assert spent.exchanges == 3


def test_what_goes_into_the_servers_cache_has_its_own_price() -> None:
    """The bill is a quarter higher than what the run said."""
    prices = Prices(input=2, cached=0.2, stored=2.5, output=10)
    usage = Usage(2000, 50, cached_tokens=100, stored_tokens=1500)
    assert prices.dollars(usage) == pytest.approx((400 * 2 + 100 * 0.2 + 1500 * 2.5 + 50 * 10) / 1e6)
    assert Prices(input=2, output=10).dollars(usage) == pytest.approx((2000 * 2 + 50 * 10) / 1e6)


def test_a_log_of_another_hand_is_added_up_as_far_as_it_goes(tmp_path: Path) -> None:
    """An edited line ends a finished run in a traceback."""
    with CallLog(tmp_path / "calls.jsonl") as log:
        log.write(question(), CARD, 1, reply=reply(100, 20, 1.0), answer=Answer(("1",)))
    (line,) = read_calls(tmp_path)
    odd = [line | {"prompt_tokens": "many", "dollars": True}, {k: line[k] for k in line if k != "cached"}]
    assert totals(odd) == Totals(1, 2, 0, 0, 100, 40, 0, 1.0)


def test_runs_are_added_up() -> None:
    """The total of a list is that of its last video, or unknown as soon as one has no price."""
    one, other = Totals(1, 2, 3, 4, 5, 6, 7, 0.5), Totals(10, 20, 30, 40, 50, 60, 70)
    assert one + other == Totals(11, 22, 33, 44, 55, 66, 77, 0.5)
    assert (other + other).dollars is None
