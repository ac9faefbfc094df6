"""Checks of the models and of who reasons: weights, room, the server, and whether it really keeps to a grammar."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from alref_local.doctor.findings import Finding, Subject
from alref_local.errors import AlrefError, AnswerError
from alref_local.models.catalogue import Checkpoint, load_catalogue
from alref_local.models.checking import faults, known_files
from alref_local.models.resolve import located
from alref_local.offline import offline_asked
from alref_local.reason.backends import make_backend
from alref_local.reason.card import Card
from alref_local.reason.client import ChatClient
from alref_local.reason.endpoint import on_this_machine
from alref_local.reason.question import Address, AnswerSpec, Question
from alref_local.serve.needs import needs_of
from alref_local.serve.placement import place, place_beside
from alref_local.serve.prepare import Asked, instead
from alref_local.serve.program import find_vllm, vllm_version
from alref_local.serve.reasons import gb, why_nowhere

__all__ = ["network", "room", "server", "vllm", "weights"]


def weights(names: Sequence[str], subject: Subject) -> Finding:
    """Whether the checkpoints are here and whole: by the sizes of their files, or by every byte if asked."""
    wrong: list[str] = []
    pulled: list[str] = []
    hints: list[str] = []
    for name in names:
        known = load_catalogue().get(name)
        mends = known is not None and known.repo is not None  # a pull does
        try:
            fault, hint = _fault(name, known, deep=subject.deep), ""
        except AlrefError as error:
            fault, hint = str(error), error.hint
            mends = mends and not isinstance(error.__cause__, PermissionError)
        if fault and mends:
            pulled.append(name)
        elif fault:
            hints.append(hint)
        wrong += [fault] if fault else []
    if wrong:
        pull = [f"alref-local models pull {' '.join(pulled)}"] if pulled else []
        return Finding("weights", False, " ".join(wrong), "; ".join(dict.fromkeys(pull + hints)))
    how = "every known byte read" if subject.deep else "by size (--deep reads every byte)"
    return Finding("weights", True, f"{', '.join(names)}: whole, {how}" if names else "none needed")


def _fault(name: str, known: Checkpoint | None, *, deep: bool) -> str:
    place = located(name)
    found = [] if known is None else faults(place, known_files(known, place), deep=deep)
    return f"{name} is damaged: {found[0]}." if found else ""


def room(subject: Subject) -> Finding:
    """Whether everything that is not loaded yet fits."""
    needs = needs_of(subject.settings, subject.card, sound=subject.sound)
    if needs.server is not None and subject.server.state == "ready":
        needs = replace(needs, server=None)
    placed = (place_beside if needs.server is None else place)(subject.host, needs)
    if placed.fits:
        what = {"processor": "on the processor", "in turn": "in turn"}.get(
            placed.mode, f"on GPUs, {placed.mode}"
        )
        total = needs.of_worker() + (needs.server.total if needs.server else 0)
        return Finding("room", True, f"{gb(total)} for the models, {what} (`alref-local plan`)")
    asked = Asked(subject.card, subject.config, subject.changes, sound=subject.sound)
    return Finding("room", False, why_nowhere(subject.host, needs), instead(subject.host, asked))


def vllm(subject: Subject) -> Finding:
    """Whether there is a vLLM that could serve the backend."""
    found = find_vllm(subject.card)
    return Finding("vllm", True, f"{vllm_version(found, subject.card)} in {found.command.parents[1]}")


def server(subject: Subject) -> Finding:
    """Whether the backend answers, has the model, and keeps to grammars; what costs money is not asked."""
    card = subject.card
    if fault := _unready(subject):
        return fault
    said = f"{card.model} at {card.endpoint}"
    if card.pattern == "free":
        return Finding("backend", True, f"{said}; its card asks for no grammars")
    if card.prices is not None:
        return Finding("backend", True, f"{said}; grammars not tried, since answers cost money")
    try:
        asyncio.run(_ask(card))
    except AnswerError as error:
        wrote = " ".join(error.raw.split())[:80]
        vllm = card.kind == "vllm"
        mend = f"alref-local serve {subject.backend}" if vllm else "Set pattern: free in the backend card."
        return Finding("backend", False, f"{said} does not keep to grammars, but writes {wrote!r}", mend)
    return Finding("backend", True, f"{said}, keeps to grammars (pattern {card.pattern})")


def _unready(subject: Subject) -> Finding | None:
    card = subject.card
    if card.kind != "vllm":
        served = asyncio.run(_served(card))
        if served and card.model not in served:
            some = ", ".join(served[:5])
            return Finding(
                "backend", False, f"{card.endpoint} has no {card.model}", f"--card model=... ({some})"
            )
        return None
    health = subject.server
    said = {
        "ready": "",
        "silent": f"no server answers at {card.endpoint}",
        "sick": f"the server at {card.endpoint} is not well, or refuses the key",
        "other": f"what answers at {card.endpoint} serves {', '.join(health.models) or 'something else'}",
    }[health.state]
    config = "" if subject.config == "default" else f" --config {subject.config}"
    start = (
        f"alref-local serve {subject.backend}{config} --port {urlsplit(card.endpoint).port or 80} --detach"
    )
    where = "" if on_this_machine(card.endpoint) else "On the other machine: "
    return Finding("backend", False, said, where + start) if said else None


def network(subject: Subject) -> Finding:
    """Whether anything leaves this machine."""
    asks = bool(subject.card.endpoint)
    away = asks and not on_this_machine(subject.card.endpoint)
    where = (
        f"; questions go to {subject.card.endpoint}"
        if away
        else "; nothing leaves this machine"
        if asks
        else ""
    )
    if not subject.offline:
        return Finding("network", True, f"online (--offline, HF_HUB_OFFLINE=1 for none){where}")
    how = "HF_HUB_OFFLINE" if offline_asked() else "--offline"
    if away:
        mend = "Choose a backend on this machine: `alref-local serve BACKEND`, or --backend none."
        return Finding("network", False, f"offline by {how}, but{where[1:]}", mend)
    return Finding("network", True, f"offline by {how}{where}")


async def _served(card: Card) -> tuple[str, ...]:
    client = ChatClient(card)
    try:
        return (await client.served()).models
    finally:
        await client.close()


async def _ask(card: Card) -> None:
    """Ask for a number that the question does not tell: only a server that keeps to the grammar can answer."""
    short = {} if card.pattern == "json" else {"think_tokens": 16, "max_tokens": 96}
    backend = make_backend(card.overridden({"retries": 0, "patience": 0, "logprobs": False, **short}))
    number = str(100_000 + secrets.randbelow(900_000))
    question = Question(
        step="pivot_frame",
        text="Say hello in one word.",
        images=(),
        spec=AnswerSpec((number,)),
        address=Address("doctor", "doctor", "pivot_frame", 0),
        prompt_set="doctor",
    )
    try:
        await backend.ask(question)
    finally:
        await backend.close()
