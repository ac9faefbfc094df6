"""What `alref-local plan` says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alref_local.models.of_config import MASKS_LATER
from alref_local.serve.advice import Fitting
from alref_local.serve.needs import Needs
from alref_local.serve.placement import Placement
from alref_local.serve.reasons import gb, reasons

__all__ = ["plan_lines"]


def plan_lines(
    placed: Placement, needs: Needs, others: Sequence[Fitting], backend: str, config: str
) -> Iterator[str]:
    """A line for each GPU, the reasons, and what to type; or what fits in place of what does not."""
    yield from _gpu_lines(placed)
    yield from reasons(placed, needs)
    if placed.fits:
        yield from (f"    {line}" for line in _commands(placed, backend, config))
        return
    for one in others:
        yield f"    fits: {one.name} ({gb(one.weights)} of weights), {_WAYS[one.placed.mode]}"
    if not others:
        yield "    No open model of the bundled cards fits; gpt-4 (paid) and none need no room."


_WAYS = {
    "apart": "on GPUs of its own",
    "alone": "on GPUs of its own",
    "shared": "sharing GPUs with the other models",
    "in turn": "in turn with the segmentor",
    "workers": "in the process that segments videos",
    "processor": "on the processor, slowly",
}


def _gpu_lines(placed: Placement) -> Iterator[str]:
    for number, gpu in enumerate(placed.host.gpus):
        load = placed.loads.get(number, {})
        used = gpu.total - gpu.free
        what = ", ".join(f"{role} {gb(size)}" for role, size in load.items()) or "nothing"
        share = (used + sum(load.values())) / gpu.total
        busy = f", {gb(used)} in use" if used else ""
        yield f"GPU {gpu.id}  {gpu.name}, {gb(gpu.total)}{busy}: {what} ({share:.0%})"
    if placed.host.note:
        yield f"No GPU: {placed.host.note}." if not placed.host.gpus else f"{placed.host.note}."


def _commands(placed: Placement, backend: str, config: str) -> Iterator[str]:
    evaluate = f"alref-local evaluate DATASET --backend {backend} --config {config} --run RUN"
    if placed.server is None:
        yield evaluate
        return
    room = " --alone" if placed.mode == "alone" else "" if config == "default" else f" --config {config}"
    yield f"alref-local serve {backend}{room} --detach"
    if placed.mode == "in turn":
        yield f"{evaluate}-asked --set segmentation.engine={MASKS_LATER}"
        yield f"alref-local serve stop {backend}"
    yield evaluate
