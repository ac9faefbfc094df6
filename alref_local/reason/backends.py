"""From a card to the backend that it describes."""

from __future__ import annotations

from alref_local.errors import ConfigError
from alref_local.reason.asking import AskingBackend
from alref_local.reason.calls import CallLog
from alref_local.reason.card import Card
from alref_local.reason.client import on_this_machine
from alref_local.reason.none import NoneBackend
from alref_local.reason.openai import ChatResponder
from alref_local.reason.replay import ReplayBackend
from alref_local.reason.vllm import VllmResponder
from alref_local.seams import Backend

__all__ = ["make_backend"]


def make_backend(card: Card, *, log: CallLog | None = None, offline: bool = False) -> Backend:
    """The backend of a card; nothing is sent before the first question.

    Args:
        card: what it is.
        log: where every exchange is written; replayed answers are not exchanges.
        offline: refuse an endpoint that is not on this machine.

    Raises:
        ConfigError: ``offline`` and an endpoint elsewhere, or a replayed run without a call log.
        PrerequisiteError: the card's key is not in the environment.
    """
    if card.kind == "none":
        return NoneBackend(card.name)
    if card.run is not None:
        return ReplayBackend(card.run, card.name)
    if offline and not on_this_machine(card.endpoint):
        raise ConfigError(
            f"The backend '{card.name}' is not on this machine, but --offline is set.",
            hint="Serve an open model here (`alref-local backends qwen`), or choose none or replay:RUN.",
        )
    responder = VllmResponder(card) if card.kind == "vllm" else ChatResponder(card)
    return AskingBackend(card, responder, log)
