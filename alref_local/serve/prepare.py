"""From what a person types to what a supervisor starts; everything that can be wrong is found here, before it does."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from alref_local.configs import load_config
from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.models.resolve import resolve
from alref_local.reason.card import Card
from alref_local.serve.advice import fitting_cards
from alref_local.serve.command import command, environment
from alref_local.serve.hosts import Host, read_host
from alref_local.serve.key import KEY_ENV, key_for
from alref_local.serve.line import ServeLine
from alref_local.serve.needs import Needs, needs_of
from alref_local.serve.placement import Placement, place
from alref_local.serve.program import find_vllm, vllm_version
from alref_local.serve.reasons import why_nowhere
from alref_local.serve.state import Slot
from alref_local.serve.supervisor import Launch

__all__ = ["Asked", "Prepared", "instead", "place_card", "prepare"]


class Asked(NamedTuple):
    """How a backend is to be served.

    Attributes:
        card: of kind vllm.
        config: whose models are left room for.
        changes: settings laid over it.
        sound: whether those that hear are, too.
        alone: leave no room for anything.
        processor: serve without a GPU.
        host: address to listen at; by default that of the card, which is the loopback.
        port: by default that of the card.
    """

    card: Card
    config: str = "default"
    changes: Mapping[str, Any] = MappingProxyType({})
    sound: bool = False
    alone: bool = False
    processor: bool = False
    host: str | None = None
    port: int | None = None


class Prepared(NamedTuple):
    """What is to be started.

    Attributes:
        launch: it.
        placed: where everything goes.
        needs: what that was.
        changes: fields of the card that whoever asks the server must change.
        key_file: where the key is, if it was drawn.
    """

    launch: Launch
    placed: Placement
    needs: Needs
    changes: tuple[str, ...] = ()
    key_file: Path | None = None


def place_card(asked: Asked, host: Host) -> tuple[Placement, Needs]:
    """Where everything goes; the card's own word on copies and on dividing the model counts.

    Raises:
        ConfigError: the card or config is wrong.
        PrerequisiteError: nothing is known of a checkpoint.
    """
    settings = load_config(asked.config, asked.card.settings, asked.changes)
    needs = needs_of(settings, asked.card, sound=asked.sound)
    if needs.server is None:
        return place(host, needs), needs
    line = ServeLine.of(asked.card)
    ways = {"alone": asked.alone, "processor": asked.processor}
    return place(host, needs, copies=line.copies, tensor=line.divided, **ways), needs


def prepare(asked: Asked, host: Host | None = None, *, start: bool = True) -> Prepared:
    """Find everything that a server needs.

    Args:
        asked: what a person wants.
        host: the machine; by default this one, as it is now.
        start: it will be started, and not only shown: a key that is drawn is kept.

    Raises:
        ConfigError: the card is not of a server of ours, the port is taken, or it is being served already.
        PrerequisiteError: vLLM, the weights, a key or room on the GPUs is missing.
    """
    line = ServeLine.of(asked.card)
    address = asked.host or line.value("--host") or "127.0.0.1"
    port = asked.port or urlsplit(asked.card.endpoint).port or 8000
    endpoint = f"http://{_reached(address)}:{port}/v1"
    card = asked.card.model_copy(update={"endpoint": endpoint})
    slot = Slot.of(card.name, port)
    with slot.lock():
        pass
    _check_port(address, port, card.name)
    vllm = find_vllm(card)
    vllm_version(vllm, card)
    folder = resolve(line.model)
    placed, needs = place_card(asked._replace(card=_here(card)), host or read_host())
    if not placed.fits:
        raise PrerequisiteError(why_nowhere(placed.host, needs), hint=instead(placed.host, asked))
    key = key_for(card, address, slot.key, keep=start)
    words = command(
        card, placed, program=vllm.command, model=folder, host=address, port=port, guarded=bool(key)
    )
    gpus = placed.server.gpus if placed.server else ()
    launch = Launch(
        backend=card.name,
        model=card.model,
        endpoint=endpoint,
        command=tuple(words),
        environment=environment(line, placed, key),
        key=key,
        gpus=tuple(f"{placed.host.gpus[number].id} {placed.host.gpus[number].name}" for number in gpus),
        slot=str(slot.folder),
    )
    changes = [f"endpoint={endpoint}"] if endpoint != asked.card.endpoint else []
    changes += [f"key_env={KEY_ENV}"] if key and not card.key_env else []
    drawn = key and not os.environ.get(card.key_env or KEY_ENV, "").strip()
    return Prepared(launch, placed, needs, tuple(changes), slot.key if drawn else None)


def _here(card: Card) -> Card:
    """The card as this machine itself would use it, wherever the server listens."""
    return card.model_copy(update={"endpoint": "http://127.0.0.1/v1"})


def _reached(address: str) -> str:
    """How this machine reaches a server that listens there."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    return f"[{reached}]" if ":" in reached else reached


def _check_port(address: str, port: int, name: str) -> None:
    try:
        family, kind, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"Port {port} of {address} is in use by another program.",
                hint=f"`--port {port + 1}` here, and `--card endpoint=http://{_reached(address)}:{port + 1}/v1` "
                f"where the backend '{name}' is asked.",
            ) from error
        raise ConfigError(
            f"No server can listen at {address}, port {port}: {error.strerror or error}.",
            hint="Choose an address of this machine with --host, and a port above 1023 with --port.",
        ) from error


def instead(host: Host, asked: Asked) -> str:
    """The way out where a language model does not fit."""
    found = [
        one
        for one in fitting_cards(host, asked.config, asked.changes, sound=asked.sound, alone=asked.alone)
        if one.name != asked.card.name
    ]
    if not found:
        return (
            "No open model of the bundled cards fits: serve it elsewhere (`--card endpoint=http://OTHER:8000/v1`), "
            "pay for one (`--backend gpt-4`), or have nobody reason (`--backend none`)."
        )
    best, *others = found
    also = f" So do {', '.join(one.name for one in others[:3])}." if others else ""
    word = "serve" if best.placed.server else "segment ... --backend"
    return f"The nearest that fits: `alref-local {word} {best.name}`.{also}"
