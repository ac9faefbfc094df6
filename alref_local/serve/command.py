"""From a card and a placement to the command of its server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from alref_local.reason.card import Card
from alref_local.serve.line import ServeLine
from alref_local.serve.placement import Placement

__all__ = ["command", "environment"]

_DECIDED: Final = ("--host", "--port", "--served-model-name", "--gpu-memory-utilization", "--api-key")
_GATE: Final = Path(__file__).parent / "gate"


def command(
    card: Card, placed: Placement, *, program: Path, model: Path, host: str, port: int, guarded: bool
) -> list[str]:
    """The words of the command.

    Args:
        card: of kind vllm; what its ``serve`` line does not say, this does.
        placed: where the model goes.
        program: the command ``vllm``.
        model: folder of the checkpoint.
        host: address that the server listens at.
        port: its port.
        guarded: whether it asks for a key.

    Raises:
        ConfigError: the card's line is no command of vLLM.
    """
    line = ServeLine.of(card)
    decided: dict[str, str] = {"--host": host, "--port": str(port), "--served-model-name": card.model}
    server = placed.server
    if server is not None and server.gpus:
        decided["--gpu-memory-utilization"] = f"{server.share:.3f}"
        if server.tensor > 1 and line.divided is None:
            decided["--tensor-parallel-size"] = str(server.tensor)
        if server.copies > 1:
            decided["--data-parallel-size"] = str(server.copies)
    words = [str(program), "serve", str(model), *line.without(*_DECIDED, *decided)]
    for name, value in {**_missing(card, line), **decided}.items():
        words += [name, value]
    if line.value("--enable-prompt-tokens-details") is None:
        words.append("--enable-prompt-tokens-details")
    return words + (["--middleware", "alref_gate.Gate"] if guarded else [])


def environment(line: ServeLine, placed: Placement, key: str) -> dict[str, str]:
    """The variables of the command, laid over those of its caller; the key is in none of its words."""
    own = {
        "VLLM_HOST_IP": "127.0.0.1",  # of the sockets between its own processes
        "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
        **line.environment,
    }
    if placed.server is not None and placed.server.gpus:
        own["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the driver's own
        own["CUDA_VISIBLE_DEVICES"] = ",".join(placed.host.gpus[number].id for number in placed.server.gpus)
    if key:
        own |= {"VLLM_API_KEY": key, "PYTHONPATH": str(_GATE)}
    return own


def _missing(card: Card, line: ServeLine) -> dict[str, str]:
    """What every server of ours has, where the card's line does not say otherwise."""
    wanted: dict[str, Any] = {
        "--generation-config": "vllm",  # the card decides the sampling, not the checkpoint
        "--limit-mm-per-prompt": {"image": card.max_images, "video": 0},
        "--structured-outputs-config": {"backend": "xgrammar"},  # or else the first question chooses
        "--allowed-media-domains": "nowhere.invalid",  # pictures come with the question, none is fetched
    }
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in wanted.items()
        if line.value(name) is None
    }
