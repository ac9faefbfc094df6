"""Where a backend is reached: endpoints with variables, and what may not be in them."""

from __future__ import annotations

from typing import Any

import pytest

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.reason.backends import make_backend
from alref_local.reason.card import Card
from alref_local.reason.endpoint import on_this_machine, reachable
from tests.reason.chat_server import ChatServer, ask, question


def card(endpoint: str, **more: Any) -> Card:
    return Card.model_validate({"name": "mine", "kind": "openai", "model": "m", "endpoint": endpoint, **more})


@pytest.mark.parametrize(
    ("endpoint", "value", "reached"),
    [
        ("https://${PLACE}.openai.azure.com/openai/v1", "lab-7", "https://lab-7.openai.azure.com/openai/v1"),
        ("${PLACE}/openai/v1", "https://lab.example/", "https://lab.example/openai/v1"),
        ("http://h:1/v1", "", "http://h:1/v1"),
        ("http://h/$PLACE", "x", "http://h/$PLACE"),
    ],
)
def test_variables_are_filled_in(
    endpoint: str, value: str, reached: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody with a resource of their own needs a card of their own."""
    monkeypatch.setenv("PLACE", value)
    made = card(endpoint)
    assert reachable(made).endpoint == reached
    assert made.endpoint == endpoint  # what is written into run folders


def test_questions_go_where_the_variable_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is filled in everywhere but where it counts."""
    with ChatServer() as server:
        monkeypatch.setenv("PLACE", server.url)
        ask(card("${PLACE}"), question())
        assert server.paths == ["/v1/chat/completions"]


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_variable_is_named(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions go to a server called '${PLACE}', or the person is told that there is none."""
    monkeypatch.delenv("PLACE", raising=False)
    if value is not None:
        monkeypatch.setenv("PLACE", value)
    with pytest.raises(PrerequisiteError, match="environment variable PLACE") as caught:
        make_backend(card("https://${PLACE}.example/v1"))
    assert caught.value.hint == "export PLACE=..."


def test_what_comes_out_is_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in the environment ends in a traceback of the client library."""
    monkeypatch.setenv("PLACE", "lab.example")
    with pytest.raises(ConfigError, match="does not begin with http"):
        make_backend(card("${PLACE}/v1"))


def test_offline_looks_at_what_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable leads the frames of a confidential video off the machine."""
    monkeypatch.setenv("PLACE", "https://lab.example")
    with pytest.raises(ConfigError, match="--offline"):
        make_backend(card("${PLACE}/v1"), offline=True)
    monkeypatch.setenv("PLACE", "http://127.0.0.1:8000")
    assert make_backend(card("${PLACE}/v1"), offline=True).name == "mine"


def test_the_key_is_no_part_of_an_endpoint() -> None:
    """The key is written into logs, errors and caches."""
    with pytest.raises(ValueError, match="does not hold the key"):
        card("https://h/${MY_KEY}/v1", key_env="MY_KEY")


@pytest.mark.parametrize("endpoint", ["http://[::1/v1", "http://[v1.x]/", ""])
def test_no_url_is_not_on_this_machine(endpoint: str) -> None:
    """A malformed endpoint ends in a traceback, or passes for the loopback."""
    assert not on_this_machine(endpoint)
