"""Backend cards: the bundled ones work, and a mistake in one's own is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from alref_local.errors import ConfigError
from alref_local.reason.backends import make_backend
from alref_local.reason.card import Card, list_cards, load_card
from alref_local.seams import Backend
from alref_local.settings import Settings


@pytest.mark.parametrize("name", list_cards())
def test_every_bundled_card_makes_a_backend(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that is listed cannot be used."""
    card = load_card(name)
    monkeypatch.setenv(card.key_env or "UNUSED", "key")
    assert card.name == name
    assert card.about
    assert isinstance(make_backend(card), Backend)
    assert Settings().overridden(card.settings)
    assert card.kind == "none" or (card.licence and (card.serve or card.key_env))


@pytest.mark.parametrize(
    ("name", "frame"), [("none", "first"), ("none-middle", "middle"), ("none-last", "last")]
)
def test_backends_without_reasoning_leave_nothing_to_ask(name: str, frame: str) -> None:
    """The paper's baselines ask a model, or take another frame than their row says."""
    pivots = Settings().overridden(load_card(name).settings).pivots
    assert (pivots.frame, pivots.box) == (frame, "best")


def test_no_card_names_a_key() -> None:
    """A key is published with the project."""
    keys = {load_card(name).key_env for name in list_cards()}
    assert all(key == key.upper() and "-" not in key for key in keys)


@pytest.mark.parametrize("name", ["gpt-4", "openai-compatible"])
def test_a_card_of_ones_own_may_be_a_copy_of_a_bundled_one(name: str, tmp_path: Path) -> None:
    """A new model needs new code."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"kind: openai\nmodel: m\nendpoint: http://h/v1\nabout: like {name}\n")
    assert load_card(mine).name == "mine"
    assert load_card(str(mine)).model == "m"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: vllm\nmodel: m", "names a model and an endpoint"),
        ("kind: magic", "'kind'"),
        ("kind: none\nkey: sk-1", "'key'"),
        ("kind: openai\nmodel: m\nendpoint: 127.0.0.1:8000", "begins with http"),
        ("kind: openai\nmodel: m\nendpoint: http://h\npattern: A", "kind openai has no pattern A"),
        ("kind: vllm\nmodel: m\nendpoint: http://h\npattern: A\nmax_tokens: 512", "no room"),
        ("kind: openai\nmodel: m\nendpoint: http://h\ntemperature: hot", "'temperature'"),
        ("kind: replay", "names a run"),
        ("- kind", "not a mapping"),
        ("", "not a mapping"),
        ("kind: [", "not valid YAML"),
        ("kind: !!python/object/apply:os.system [id]", "not valid YAML"),
    ],
)
def test_a_mistake_in_a_card_is_one_sentence_that_names_it(text: str, words: str, tmp_path: Path) -> None:
    """The person sees a traceback, or a setting that is silently ignored."""
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_card(tmp_path / "mine.yaml")
    assert words in str(caught.value)
    assert "mine.yaml" in str(caught.value)
    assert "\n" not in str(caught.value) + caught.value.hint


def test_an_unknown_backend_names_what_comes_close() -> None:
    """A typing mistake sends the person to the source code."""
    with pytest.raises(ConfigError) as caught:
        load_card("qwenn")
    assert "qwen" in caught.value.hint


def test_listing_backends_loads_no_client_library() -> None:
    """Every command of the program takes seconds to start."""
    program = "import sys, alref_local.reason.backends as b; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_replay_is_written_with_its_run(tmp_path: Path) -> None:
    """Recorded runs cannot be named on the command line."""
    card = load_card(f"replay:{tmp_path}/a:b")
    assert card == Card(name="replay", kind="replay", run=Path(f"{tmp_path}/a:b"))
