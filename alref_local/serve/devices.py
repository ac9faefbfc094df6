"""Where the models of videos compute on this machine: on the GPUs that have room for them now."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache

from alref_local.errors import PrerequisiteError
from alref_local.reason.card import Card
from alref_local.serve.hosts import Host, read_host
from alref_local.serve.needs import Needs, needs_of
from alref_local.serve.placement import place_beside
from alref_local.serve.reasons import why_nowhere
from alref_local.settings import Settings

__all__ = ["device_for", "devices_for"]


def devices_for(settings: Settings, card: Card, *, sound: bool) -> tuple[str, ...]:
    """One device for each worker, as PyTorch names them; none where the driver tells of no GPU: PyTorch then decides.

    A server of the language model that runs already has its memory, and needs no place.

    Raises:
        PrerequisiteError: there are GPUs, but a worker fits on none of them as they are used now.
    """
    host = read_host()
    return _with_room(host, _needs(settings, card, sound)) if host.gpus else ()


def device_for(settings: Settings, card: Card, *, sound: bool) -> str:
    """The device of a process that segments by itself; ``auto`` where there are no several GPUs to choose from.

    To be asked before PyTorch looks at the GPUs, since this decides how it numbers them.

    Raises:
        PrerequisiteError: it fits on none of them as they are used now.
    """
    if len(read_host().gpus) < 2:
        return "auto"
    return _settled(_needs(settings, card, sound))


@cache
def _settled(needs: Needs) -> str:
    """A process stays where it was: the memory that PyTorch keeps there is free to it, though in use to the driver."""
    return _with_room(read_host(), needs)[0]


def _needs(settings: Settings, card: Card, sound: bool) -> Needs:
    return replace(needs_of(settings, card, sound=sound), server=None)


def _with_room(host: Host, needs: Needs) -> tuple[str, ...]:
    placed = place_beside(host, needs)
    if not placed.fits:
        raise PrerequisiteError(
            why_nowhere(host, needs),
            hint="`--device cuda` tries all the same, `--device cpu` is slow; `alref-local plan` says what fits.",
        )
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # as the driver numbers them
    return placed.devices
