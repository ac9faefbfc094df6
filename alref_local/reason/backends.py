"""From a card to the backend that it describes: a model, under what spares it questions and what counts its votes."""

from __future__ import annotations

from pathlib import Path

from alref_local.places import Places
from alref_local.reason.asking import AskingBackend
from alref_local.reason.cache import AnswerCache
from alref_local.reason.cached import Cached
from alref_local.reason.calls import CallLog
from alref_local.reason.card import Card
from alref_local.reason.endpoint import reachable
from alref_local.reason.local.responder import LocalResponder, Models
from alref_local.reason.none import NoneBackend
from alref_local.reason.openai import ChatResponder
from alref_local.reason.replay import ReplayBackend
from alref_local.reason.reply import Responder
from alref_local.reason.resume import Resumed
from alref_local.reason.vllm import VllmResponder
from alref_local.reason.vote import Voting
from alref_local.seams import Backend

__all__ = ["make_backend"]


def make_backend(
    card: Card,
    *,
    log: CallLog | None = None,
    offline: bool = False,
    cache: AnswerCache | None = None,
    begun: Path | None = None,
    repeat: int = 1,
    device: str = "auto",
    models: Models | None = None,
    places: Places | None = None,
) -> Backend:
    """The backend of a card; nothing is sent before the first question.

    Args:
        card: what it is.
        log: where every exchange, and every answer from the cache, is written; replayed answers are neither.
        offline: refuse an endpoint that is not on this machine.
        cache: answers of all runs.
        begun: folder of a run that may have been interrupted: what its call log answers is not asked again.
        repeat: how often each question is asked, for a vote (``vote.voter`` makes the card for it).
        device: where a model in process runs.
        models: keeps models in process loaded for the next backend.
        places: bound the exchanges of several backends together, in place of ``card.concurrency`` each.

    Raises:
        ConfigError: ``offline`` and an endpoint elsewhere, or a replayed run without a call log.
        PrerequisiteError: the card's key, or a variable of its endpoint, is not in the environment; the model in
            process, or a package for it, is not on this machine.
    """
    if card.kind == "none":
        return NoneBackend(card.name)
    backend: Backend
    if card.run is not None:
        backend = ReplayBackend(card.run, card.name)
    else:
        card = reachable(card, offline=offline)
        backend = AskingBackend(card, _responder(card, device, models, places), log)
        if cache is not None:
            backend = Cached(backend, card, cache, log)
        if begun is not None:
            backend = Resumed(backend, card, begun)
    return Voting(backend, repeat) if repeat > 1 else backend


def _responder(card: Card, device: str, models: Models | None, places: Places | None) -> Responder:
    if card.kind == "local":
        return LocalResponder(card, device, models)
    return (VllmResponder if card.kind == "vllm" else ChatResponder)(card, places)
