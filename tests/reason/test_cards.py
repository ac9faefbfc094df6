"""Backend cards: the bundled ones work, and a mistake in one's own is named."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from alref_local.data_files import find
from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.reason.backends import make_backend
from alref_local.reason.card import Card, Prices, list_cards, load_card
from alref_local.reason.endpoint import on_this_machine
from alref_local.seams import Backend
from alref_local.serve.line import ServeLine
from alref_local.settings import Settings

CARDS = {name: load_card(name) for name in list_cards()}
PROMISED = {
    "none": {"none", "none-middle", "none-last"},
    "openai": {"gpt-4", "gpt-4.1", "gpt-5", "azure", "openai-compatible"},
    "vllm": {
        *("qwen", "qwen-awq", "qwen2.5-vl-7b", "qwen3-vl-8b", "qwen3-vl-32b"),
        *("qwen3-vl-8b-thinking", "internvl3.5", "glm-4.5v"),
    },
    "local": {"qwen-local"},
}
SERVED = [name for name, card in CARDS.items() if card.kind == "vllm"]
PAID = [name for name, card in CARDS.items() if card.key_env]
WEIGHTS_ELSEWHERE = [
    name for name, card in CARDS.items() if card.kind == "local" and not card.model.startswith("tiny:")
]


def test_the_promised_cards_are_there() -> None:
    """A model that the documents name cannot be chosen."""
    for kind, names in PROMISED.items():
        assert {name: CARDS[name].kind for name in names} == dict.fromkeys(names, kind)


@pytest.mark.parametrize("name", sorted(CARDS.keys() - set(WEIGHTS_ELSEWHERE)))
def test_every_bundled_card_makes_a_backend(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that is listed cannot be used."""
    card = CARDS[name]
    monkeypatch.setenv(card.key_env or "UNUSED", "key")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com/")
    assert isinstance(make_backend(card), Backend)


@pytest.mark.parametrize("name", WEIGHTS_ELSEWHERE)
def test_weights_that_are_not_here_are_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person without the weights sees a traceback, or a download begins unasked."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PrerequisiteError) as caught:
        make_backend(CARDS[name])
    assert CARDS[name].model in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("name", CARDS)
def test_every_card_says_what_it_is(name: str) -> None:
    """A person cannot tell what a backend is, may be used for, or needs."""
    card = CARDS[name]
    assert card.name == name
    assert card.about.endswith(".")
    assert Settings().overridden(card.settings)
    if card.kind == "none":
        return
    assert card.licence
    assert card.max_images >= 10  # five separate frames, shown in both steps
    if not card.key_env:
        assert card.gpu_memory
    if name != "openai-compatible":
        assert card.image_tokens is not None


def option(card: Card, name: str) -> str:
    """The value of an option of the card's ``serve`` line."""
    value = ServeLine.of(card).value(f"--{name}")
    assert value is not None
    return value


@pytest.mark.parametrize("name", SERVED)
def test_serve_lines_start_the_server_that_the_card_speaks_to(name: str) -> None:
    """The server answers somewhere else, serves something else, or refuses the card's questions."""
    card = CARDS[name]
    endpoint = urlsplit(card.endpoint)
    line = ServeLine.of(card)
    assert card.model == (line.value("--served-model-name") or line.model)
    assert (option(card, "host"), int(option(card, "port"))) == (endpoint.hostname, endpoint.port)
    assert json.loads(option(card, "limit-mm-per-prompt")) == {"image": card.max_images, "video": 0}
    assert json.loads(option(card, "structured-outputs-config")) == {"backend": "xgrammar"}
    assert option(card, "generation-config") == "vllm"
    assert "--enable-prompt-tokens-details" in card.serve
    assert ("--reasoning-parser" in card.serve) == (card.pattern == "C")
    assert card.logprobs
    assert card.top_k is not None


@pytest.mark.parametrize("name", SERVED)
def test_the_image_budget_is_the_servers(name: str) -> None:
    """A dry run counts other tokens than the server, or a prompt is longer than the server takes."""
    card = CARDS[name]
    tokens, kwargs = card.image_tokens, json.loads(option(card, "mm-processor-kwargs"))
    assert tokens is not None
    assert tokens.most is not None
    if "max_pixels" in kwargs:
        assert kwargs["max_pixels"] == tokens.side**2 * (tokens.most - tokens.base)
    else:
        assert tokens.most == (1 + kwargs["max_dynamic_patch"]) * tokens.each
    assert 2 * tokens.most + 2000 + 2 * card.max_tokens < int(option(card, "max-model-len"))


@pytest.mark.parametrize("name", WEIGHTS_ELSEWHERE)
def test_models_in_process_have_the_image_budget_that_they_say(name: str) -> None:
    """A dry run counts other tokens than the model reads."""
    card = CARDS[name]
    assert card.image_tokens is not None
    assert card.image_tokens.most is not None
    assert card.image_pixels == card.image_tokens.side**2 * (card.image_tokens.most - card.image_tokens.base)
    assert card.logprobs


def test_the_page_about_backends_knows_every_card_and_field() -> None:
    """A person reads that there is nothing for them, or does not learn what a field means."""
    page = (Path(__file__).parents[2] / "docs" / "backends.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([\w.-]+)`", page))
    assert CARDS.keys() <= told
    assert Card.model_fields.keys() - {"name", "run"} <= told


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.serve])
def test_servers_are_started_on_the_loopback(name: str) -> None:
    """Whoever shares the network can use the server, or reads the pictures."""
    card = CARDS[name]
    assert on_this_machine(card.endpoint)
    assert "127.0.0.1" in card.serve
    assert "0.0.0.0" not in card.serve
    assert "--allowed-local-media-path" not in card.serve


@pytest.mark.parametrize("name", PAID)
def test_paid_models_say_what_they_cost_and_when_that_was_so(name: str) -> None:
    """A dry run says nothing of dollars, or prices of years ago pass for today's."""
    card, text = CARDS[name], find("backends", name).read_text(encoding="utf-8")
    assert "images leave this machine" in card.about
    assert (card.temperature is None) == (card.reasoning_effort is not None)
    assert card.max_tokens_field == "max_completion_tokens"
    if name == "azure":
        assert card.prices is None
        assert "No prices" in text
        return
    assert card.prices is not None
    assert card.prices.cached is not None
    assert card.prices.cached < card.prices.input < card.prices.output
    assert re.search(r"# .*\b20\d\d-\d\d-\d\d.*\nprices:", text)


def test_openai_counts_tiles_and_patches_as_it_says() -> None:
    """A dry run's dollars are not what the bill says."""
    tiles, patches = CARDS["gpt-4.1"].image_tokens, CARDS["gpt-4"].image_tokens
    assert tiles is not None
    assert patches is not None
    # OpenAI's guide to images: 1024 x 1024 is shrunk to 768 x 768, four tiles; 2048 x 4096 to 768 x 1536, six.
    assert [tiles.count(size) for size in ((1024, 1024), (4096, 2048))] == [765, 1105]
    assert [patches.count(size) for size in ((256, 256), (1080, 1920), (3024, 4032))] == [77, 2448, 3000]


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
        ("", "is wrong at 'kind'"),
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


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"endpoint": "http://gpu1:8000/v1"}, "endpoint", "http://gpu1:8000/v1"),
        ({"temperature": 0.7}, "temperature", 0.7),
        ({"prices": {"input": 1, "output": 2}}, "prices", Prices(input=1, output=2)),
        ({"settings": {"pivots": {"frame": "first"}}}, "settings", {"pivots": {"frame": "first"}}),
        ({}, "model", "Qwen/Qwen2-VL-7B-Instruct"),
    ],
)
def test_a_field_can_be_changed_for_one_run(changes: dict[str, Any], field: str, value: object) -> None:
    """Another port or temperature needs a file of its own, or changes other fields too."""
    card = load_card("qwen")
    changed = card.overridden(changes)
    assert getattr(changed, field) == value
    assert changed.model_copy(update={field: getattr(card, field)}) == card


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tempreature": 0.7}, "'tempreature'"),
        ({"temperature": "hot"}, "'temperature'"),
        ({"prices": {"input": 1}}, "'prices.output'"),
        ({"prices": {"import": 1}}, "'prices."),
        ({"endpoint": "gpu1:8000"}, "begins with http"),
        ({"key": "sk-1"}, "'key'"),
        ({"max_tokens": 512}, "no room"),
    ],
)
def test_a_mistake_in_a_change_is_one_sentence_that_names_it(changes: dict[str, Any], words: str) -> None:
    """A slip on the command line asks another model, or ends in a page of validation errors."""
    with pytest.raises(ConfigError) as caught:
        load_card("qwen").overridden(changes)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
