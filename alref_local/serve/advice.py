"""What to take instead where a backend does not fit: the largest open models that do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from alref_local.configs import load_config
from alref_local.errors import AlrefError
from alref_local.reason.card import list_cards, load_card
from alref_local.serve.hosts import Host
from alref_local.serve.needs import needs_of
from alref_local.serve.placement import Placement, place

__all__ = ["Fitting", "fitting_cards"]


class Fitting(NamedTuple):
    """A bundled card that a machine can hold, with the place of everything."""

    name: str
    weights: int
    placed: Placement


def fitting_cards(
    host: Host,
    config: str = "default",
    changes: Mapping[str, Any] = MappingProxyType({}),
    *,
    sound: bool = False,
    alone: bool = False,
) -> list[Fitting]:
    """The open models that fit a machine together with a config: on GPUs before the processor, largest first."""
    found = list(_fitting(host, config, changes, sound, alone))
    return sorted(found, key=lambda one: (one.placed.mode == "processor", -one.weights, one.name))


def _fitting(
    host: Host, config: str, changes: Mapping[str, Any], sound: bool, alone: bool
) -> Iterator[Fitting]:
    for name in list_cards():
        card = load_card(name)
        if card.kind not in ("vllm", "local") or (alone and card.kind == "local"):
            continue
        try:
            needs = needs_of(load_config(config, card.settings, changes), card, sound=sound)
        except AlrefError:  # a model of the config that nothing is known of
            continue
        model = needs.server or needs.worker[-1]
        if model.name.startswith("tiny:"):
            continue  # it knows the drawn world only
        placed = place(host, needs, alone=alone)
        if placed.fits:
            yield Fitting(name, model.weights, placed)
