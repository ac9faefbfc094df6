"""From cards to commands: what every server of ours has, and what a card decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from alref_local.errors import ConfigError
from alref_local.reason.card import Card, list_cards, load_card
from alref_local.serve.command import command, environment
from alref_local.serve.gate.alref_gate import Gate
from alref_local.serve.hosts import GIB, Gpu, Host
from alref_local.serve.line import ServeLine
from alref_local.serve.placement import Placement, Server

SERVED = [name for name in list_cards() if load_card(name).kind == "vllm"]
HOST = Host(tuple(Gpu(id, "L40S", 48 * GIB, 48 * GIB) for id in ("2", "5", "MIG-7", "8")))
ONE = Placement("apart", HOST, Server((0,), 1, 0.9))


def my_card(serve: str = "", **fields: Any) -> Card:
    known = {"name": "mine", "kind": "vllm", "model": "me/mine", "endpoint": "http://127.0.0.1:8000/v1"}
    return Card.model_validate({**known, "serve": serve, **fields})


def words_for(card: Card, placed: Placement = ONE, *, guarded: bool = False) -> list[str]:
    program, model = Path("/env/bin/vllm"), Path("/models/me/mine")
    return command(card, placed, program=program, model=model, host="127.0.0.1", port=8123, guarded=guarded)


def value(words: list[str], option: str) -> str:
    """Of an option that is there once."""
    assert words.count(option) == 1
    return words[words.index(option) + 1]


@pytest.mark.parametrize("name", SERVED)
def test_every_bundled_card(name: str) -> None:
    """A server would let the first question choose its grammars, fetch pictures, or answer under another name."""
    card = load_card(name)
    words = words_for(card)
    assert words[:3] == ["/env/bin/vllm", "serve", "/models/me/mine"]
    assert value(words, "--host") == "127.0.0.1"
    assert value(words, "--port") == "8123"
    assert value(words, "--served-model-name") == card.model
    assert value(words, "--gpu-memory-utilization") == "0.900"
    assert json.loads(value(words, "--structured-outputs-config")) == {"backend": "xgrammar"}
    assert json.loads(value(words, "--limit-mm-per-prompt")) == {"image": card.max_images, "video": 0}
    assert value(words, "--allowed-media-domains") == "nowhere.invalid"
    assert value(words, "--generation-config") == "vllm"
    assert words.count("--enable-prompt-tokens-details") == 1
    assert ("--reasoning-parser" in words) == (card.pattern == "C")
    assert not any("parallel-size" in word or "api-key" in word for word in words)


def test_a_card_without_a_line() -> None:
    """Whoever writes a card in six lines could not have it served."""
    card = my_card(max_images=5)
    words = words_for(card)
    assert json.loads(value(words, "--limit-mm-per-prompt"))["image"] == 5
    assert json.loads(value(words, "--structured-outputs-config")) == {"backend": "xgrammar"}
    assert ServeLine.of(card).model == "me/mine"


def test_the_cards_own_options_stand() -> None:
    """A lab's own grammar engine, image limit or tensor parallel would be overruled."""
    line = (
        "A=1 B='x y' vllm serve me/mine --structured_outputs_config '{\"backend\": \"guidance\"}' -tp 4 "
        "--limit-mm-per-prompt='{\"image\": 2}' --port 9 --gpu-memory-utilization=0.5 --api-key secret --seed -1"
    )
    parsed = ServeLine.of(my_card(line))
    assert parsed.environment == {"A": "1", "B": "x y"}
    assert (parsed.divided, parsed.copies) == (4, None)
    words = words_for(my_card(line), Placement("apart", HOST, Server((0, 1, 2, 3), 4, 0.87)))
    assert value(words, "--tensor-parallel-size") == "4"
    assert value(words, "--structured-outputs-config") == '{"backend": "guidance"}'
    assert '--limit-mm-per-prompt={"image": 2}' in words
    assert value(words, "--port") == "8123"
    assert value(words, "--gpu-memory-utilization") == "0.870"
    assert value(words, "--seed") == "-1"
    assert "secret" not in words
    assert "0.5" not in " ".join(words)


def test_the_plan_decides_the_rest() -> None:
    """Eight GPUs would serve one copy, or one copy be spread over all of them."""
    words = words_for(my_card(), Placement("apart", HOST, Server((0, 1, 2, 3), 2, 0.9)))
    assert value(words, "--tensor-parallel-size") == "2"
    assert value(words, "--data-parallel-size") == "2"
    words = words_for(my_card(), Placement("processor", HOST, Server(())))
    assert "--gpu-memory-utilization" not in words


def test_environment_of_a_server() -> None:
    """A server would compute on GPUs of somebody else, or its key be seen by all who list processes."""
    line = ServeLine.of(my_card("X=1 vllm serve me/mine"))
    given = environment(line, Placement("apart", HOST, Server((1, 2), 2, 0.9)), "sesame")
    assert given["CUDA_VISIBLE_DEVICES"] == "5,MIG-7"
    assert given["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert given["X"] == "1"
    assert given["VLLM_API_KEY"] == "sesame"
    assert (Path(given["PYTHONPATH"]) / "alref_gate.py").is_file()
    assert not any("sesame" in word for word in words_for(my_card(), guarded=True))
    assert "alref_gate.Gate" in words_for(my_card(), guarded=True)
    open_one = environment(line, Placement("processor", HOST, Server(())), "")
    assert not {"VLLM_API_KEY", "PYTHONPATH", "CUDA_VISIBLE_DEVICES"} & open_one.keys()


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        ("ollama serve", "no `vllm serve"),
        ("vllm serve", "no `vllm serve"),
        ("vllm serve --port 8", "no `vllm serve"),
        ("vllm serve 'x", "no `vllm serve"),
        ("A=1", "no `vllm serve"),
        ("vllm serve x -tp two", "no number"),
    ],
)
def test_lines_that_are_none(serve: str, said: str) -> None:
    """A mistake in a card would be started, and end in vLLM's words."""
    with pytest.raises(ConfigError, match=said) as caught:
        assert ServeLine.of(my_card(serve)).divided is None
    assert caught.value.hint


def test_backends_that_are_no_servers_of_ours() -> None:
    """`serve gpt-4` would end in a traceback."""
    with pytest.raises(ConfigError, match="not one that is served") as caught:
        ServeLine.of(load_card("gpt-4"))
    assert "qwen3-vl-8b" in caught.value.hint


@pytest.mark.parametrize(
    ("path", "header", "kind", "passes"),
    [
        ("/health", b"", "http", True),
        ("/v1/models", b"Bearer sesame", "http", True),
        ("/invocations", b"Bearer sesame", "http", True),
        ("/v1/models", b"", "http", False),
        ("/invocations", b"", "http", False),
        ("/metrics", b"Bearer sesam", "http", False),
        ("/health/../invocations", b"", "http", False),
        ("/v1/realtime", b"", "websocket", False),
        ("", b"", "lifespan", True),
    ],
)
def test_the_gate(path: str, header: bytes, kind: str, passes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reaches the port could ask without the key, by one of the paths that vLLM leaves open."""
    monkeypatch.setenv("VLLM_API_KEY", "sesame")
    passed: list[str] = []
    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: MutableMapping[str, Any], *_: Any) -> None:
        passed.append(scope["type"])

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {}

    headers = [(b"authorization", header)] if header else []
    asyncio.run(Gate(app)({"type": kind, "path": path, "headers": headers}, receive, send))
    assert bool(passed) == passes
    assert [message.get("status", message.get("code")) for message in sent] == (
        [] if passes else [401, None] if kind == "http" else [1008]
    )
