"""Which checks a config and a backend call for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from alref_local.configs import load_config
from alref_local.doctor import backend as of
from alref_local.doctor import machine
from alref_local.doctor.findings import Check, Finding, Subject, examine
from alref_local.models.of_config import models_of
from alref_local.offline import offline_asked
from alref_local.reason.card import Card
from alref_local.reason.endpoint import on_this_machine, reachable
from alref_local.serve.line import ServeLine

__all__ = ["diagnose"]

SECONDS: Final = 90.0
"""For all checks together."""
_DAY: Final = 86_400.0


def diagnose(
    card: Card,
    config: str = "default",
    changes: Mapping[str, Any] = MappingProxyType({}),
    *,
    backend: str = "",
    sound: bool = False,
    offline: bool = False,
    deep: bool = False,
    seconds: float = SECONDS,
) -> list[Finding]:
    """Examine this machine.

    Args:
        card: the backend.
        config: name or path.
        changes: settings laid over it.
        backend: the card as it was typed, for the commands that mend.
        sound: look at the models that hear, too.
        offline: no network is to be used.
        deep: read every byte of the weights.
        seconds: that the checks have; reading every byte takes as long as it takes.

    Raises:
        ConfigError: the config does not exist or has a wrong value; every other fault is a finding.
        PrerequisiteError: a variable in the card's endpoint is not set.
    """
    subject = Subject(
        settings=load_config(config, card.settings, changes),
        card=reachable(card),
        config=config,
        changes=changes,
        backend=backend or card.name,
        sound=sound,
        offline=offline or offline_asked(),
        deep=deep,
        key=os.environ.get(card.key_env, "").strip() if card.key_env else "",
    )
    return examine(_checks(subject), _DAY if deep else seconds)


def _checks(subject: Subject) -> dict[str, Check]:
    card = subject.card
    checks: dict[str, Check] = {
        "python": partial(machine.python, subject),
        "torch": partial(machine.torch, subject),
        "gpus": partial(machine.gpus, subject),
        "codecs": machine.codecs,
        "weights": partial(of.weights, _weights(subject), subject),
        "room": partial(of.room, subject),
    }
    if _served_here(subject):
        checks["vllm"] = partial(of.vllm, subject)
    if card.kind in ("vllm", "openai"):
        checks["backend"] = partial(of.server, subject)
    checks["network"] = partial(of.network, subject)
    checks["disk"] = machine.disk
    return checks


def _weights(subject: Subject) -> list[str]:
    names = [name for _, name in models_of(subject.settings, sound=subject.sound)]
    if subject.card.kind == "local":
        names.append(subject.card.model)
    if _served_here(subject):
        names.append(ServeLine.of(subject.card).model)
    return list(dict.fromkeys(names))


def _served_here(subject: Subject) -> bool:
    """Whether a server of ours would have to be started here."""
    card = subject.card
    return card.kind == "vllm" and on_this_machine(card.endpoint) and subject.server.state != "ready"
