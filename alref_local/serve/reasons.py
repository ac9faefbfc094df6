"""A placement in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alref_local.serve.hosts import Host
from alref_local.serve.needs import Need, Needs
from alref_local.serve.placement import CAP, Placement, room

__all__ = ["as_json", "gb", "reasons", "why_nowhere"]


def gb(size: float) -> str:
    """Bytes for people."""
    return f"{size / 1e9:.1f} GB"


def reasons(placed: Placement, needs: Needs) -> Iterator[str]:
    """Why everything is where it is, a sentence a line."""
    if not placed.fits:
        yield why_nowhere(placed.host, needs)
        return
    if placed.server is not None and needs.server is not None:
        yield from _of_server(placed, needs.server)
    if placed.mode != "alone":
        yield from _of_workers(placed, needs)


def _of_server(placed: Placement, model: Need) -> Iterator[str]:
    server = placed.server
    assert server is not None
    parts = f"{gb(model.weights)} of weights, {gb(model.working)} to compute in, {gb(model.context)} for a full context"
    if not server.gpus:
        yield f"The language model {model.name} ({parts}) is served on the processor."
        return
    each = model.on_each(server.tensor)
    where = _gpus(server.gpus)
    if server.tensor == 1:
        yield f"The language model {model.name} takes {gb(each)} ({parts}), which one GPU holds."
    else:
        fewer = f", and for {gb(model.on_each(server.tensor // 2))} of fewer there is no room"
        yield (
            f"The language model {model.name} takes {gb(model.total)} ({parts}); divided among {server.tensor} GPUs it "
            f"takes {gb(each)} of each{'' if _fit(placed.host, model, server.tensor // 2) else fewer}."
        )
    copies = f" in {server.copies} copies behind one address" if server.copies > 1 else ""
    yield (
        f"Its server gets {where}{copies}, with {server.share:.1%} of the memory, so that at most {CAP:.0%} is in use; "
        "what the model leaves of it holds more questions at a time."
    )


def _of_workers(placed: Placement, needs: Needs) -> Iterator[str]:
    names = ", ".join(f"{need.role} {gb(need.total)}" for need in needs.worker)
    takes = f"A process that segments videos takes {gb(needs.of_worker())} ({names})"
    if placed.mode == "in turn":
        yield (
            f"{takes}. Beside the language model there is no room for it, but for all of it except the segmentor: "
            "first everything is asked, then, when the server has ended, segmented."
        )
    elif placed.mode == "shared":
        yield f"{takes}, and shares {_gpus(placed.workers)} with the language model: no other GPU has room for it."
    elif placed.workers:
        yield f"{takes}: one on {_gpus(placed.workers)}{' each' if len(placed.workers) > 1 else ''}."
    else:
        slow = ": seconds to half a minute for each frame" if needs.gpu else ""
        yield f"{takes}, on the processor{slow}."


def why_nowhere(host: Host, needs: Needs) -> str:
    """What does not fit, and by how much."""
    best = max((room(gpu) for gpu in host.gpus), default=0)
    here = f"of the {CAP:.0%} of a GPU that may be used, the roomiest of {len(host.gpus)} has {gb(best)} left"
    if not host.gpus:
        here = "there is no GPU" + (f": {host.note}" if host.note else "")
    if (model := needs.server) is None:
        return f"A process that segments videos takes {gb(needs.of_worker())}, but {here}."
    degrees = [degree for degree in model.degrees() if degree <= max(1, len(host.gpus))]
    ways = [
        f"{gb(model.on_each(degree))} of {'one GPU' if degree == 1 else f'each of {degree}'}"
        for degree in degrees
    ]
    beside = f", with {gb(needs.of_worker(without='segmentor'))} beside it for what proposes boxes"
    holds = any(_fit(host, model, degree) for degree in degrees)
    return f"The language model {model.name} takes {' or '.join(ways)}{beside if holds else ''}, but {here}."


def as_json(placed: Placement, needs: Needs) -> dict[str, Any]:
    """Plain data; bytes, and positions of GPUs."""
    server = placed.server
    return {
        "mode": placed.mode,
        "fits": placed.fits,
        "gpus": [
            {
                "id": gpu.id,
                "name": gpu.name,
                "total": gpu.total,
                "used": gpu.total - gpu.free,
                "room": room(gpu),
                "placed": dict(placed.loads.get(number, {})),
            }
            for number, gpu in enumerate(placed.host.gpus)
        ],
        "note": placed.host.note,
        "server": None
        if server is None or needs.server is None
        else {
            "model": needs.server.name,
            "gpus": list(server.gpus),
            "tensor_parallel": server.tensor,
            "copies": server.copies,
            "share": server.share,
        },
        "devices": list(placed.devices) if placed.fits and placed.mode != "alone" else [],
        "reasons": list(reasons(placed, needs)),
    }


def _gpus(numbers: tuple[int, ...]) -> str:
    names = [str(number) for number in numbers]
    if len(names) == 1:
        return f"GPU {names[0]}"
    return f"GPUs {', '.join(names[:-1])} and {names[-1]}"


def _fit(host: Host, model: Need, degree: int) -> bool:
    """Whether there are as many GPUs that hold their part of a language model."""
    return sum(room(gpu) >= model.on_each(degree) for gpu in host.gpus) >= degree
