"""Where the workers of this machine compute: on the GPUs that have room for them now."""

from __future__ import annotations

import os
from dataclasses import replace

from alref_local.errors import PrerequisiteError
from alref_local.reason.card import Card
from alref_local.serve.hosts import read_host
from alref_local.serve.needs import needs_of
from alref_local.serve.placement import place_beside
from alref_local.serve.reasons import why_nowhere
from alref_local.settings import Settings

__all__ = ["devices_for"]


def devices_for(settings: Settings, card: Card, *, sound: bool) -> tuple[str, ...]:
    """One device for each worker, as PyTorch names them; none where the driver tells of no GPU: PyTorch then decides.

    A server of the language model that runs already has its memory, and needs no place.

    Raises:
        PrerequisiteError: there are GPUs, but a worker fits on none of them as they are used now.
    """
    host = read_host()
    if not host.gpus:
        return ()
    needs = replace(needs_of(settings, card, sound=sound), server=None)
    placed = place_beside(host, needs)
    if not placed.fits:
        raise PrerequisiteError(
            why_nowhere(host, needs),
            hint="`--device cuda` tries all the same, `--device cpu` is slow; `alref-local plan` says what fits.",
        )
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # as the driver numbers them
    return placed.devices
