"""Which model goes where: a pure function of a machine and of what is needed, with its reasons.

The language model takes as few GPUs as hold it (tensor parallel where one does not); where there are many, copies of it
take half of them. Each other GPU gets a process that segments videos; where there is no other, it shares those of the
language model; where that is too much, the two take turns. Nowhere is more than ``CAP`` of a GPU used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor
from typing import Final, Literal

from alref_local.serve.hosts import Gpu, Host
from alref_local.serve.needs import Need, Needs

__all__ = ["CAP", "Mode", "Placement", "Server", "place", "room"]

CAP: Final = 0.92
"""Of a GPU's memory, at most, with what others use of it now; the rest is for what no estimate foresees."""

Mode = Literal["apart", "shared", "in turn", "alone", "workers", "processor", "nowhere"]


@dataclass(frozen=True, slots=True)
class Server:
    """How a server holds the language model.

    Attributes:
        gpus: their positions in ``Host.gpus``; none: the processor.
        tensor: GPUs that one copy is divided among.
        share: of each GPU's memory that the server takes (``--gpu-memory-utilization``).
    """

    gpus: tuple[int, ...]
    tensor: int = 1
    share: float = 0.0

    @property
    def copies(self) -> int:
        """Of the model (data parallel)."""
        return max(1, len(self.gpus) // self.tensor)


@dataclass(frozen=True, slots=True)
class Placement:
    """What was found.

    Attributes:
        mode: the language model and the others on GPUs ``apart``, ``shared`` or ``in turn``; the server ``alone``;
            ``workers`` where no language model is needed here, or it is part of them; what needs no GPU on the
            ``processor``; ``nowhere`` if it does not fit.
        server: of the language model, if one is needed here.
        workers: positions of the GPUs with a process each that segments videos; none: the processor.
        loads: for each GPU, bytes by what takes them.
        host: the machine.
    """

    mode: Mode
    host: Host
    server: Server | None = None
    workers: tuple[int, ...] = ()
    loads: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether everything has a place."""
        return self.mode != "nowhere"

    @property
    def devices(self) -> tuple[str, ...]:
        """Of the workers, as PyTorch names them."""
        return tuple(f"cuda:{number}" for number in self.workers) or ("cpu",)


def room(gpu: Gpu) -> int:
    """Bytes of a GPU that may still be taken."""
    return max(0, min(gpu.free, floor(CAP * gpu.total) - (gpu.total - gpu.free)))


def place(
    host: Host,
    needs: Needs,
    *,
    alone: bool = False,
    copies: int | None = None,
    tensor: int | None = None,
    processor: bool = False,
) -> Placement:
    """Give everything its place.

    Args:
        host: the machine, with what is free now.
        needs: what is to run.
        alone: leave no room for the segmenting of videos: that is done elsewhere.
        copies: of the language model; by default on half of the GPUs that would hold it.
        tensor: GPUs that a copy is divided among; by default as few as hold it.
        processor: have the language model served without a GPU, however large it is.
    """
    if needs.server is None:
        return _workers_alone(host, needs)
    found = None if processor else _best(host, needs, needs.server, alone, copies, tensor)
    if found is not None:
        return found
    if (processor or not needs.gpu) and _holds(host, needs.server.total):
        workers = () if alone else _workers_alone(host, needs).workers
        loads = {number: _worker_load(needs) for number in workers}
        return Placement("processor", host, Server(()), workers, loads)
    return Placement("nowhere", host)


def _workers_alone(host: Host, needs: Needs) -> Placement:
    """A process on every GPU that holds one; the processor where there is no GPU, or the models are tiny."""
    each = needs.of_worker()
    workers = tuple(number for number, gpu in enumerate(host.gpus) if room(gpu) >= each)
    if workers:
        loads = {number: _worker_load(needs) for number in workers}
        return Placement("workers", host, workers=workers, loads=loads)
    slow = not host.gpus or not needs.gpu
    return Placement("processor" if slow and _holds(host, each) else "nowhere", host)


def _best(
    host: Host, needs: Needs, model: Need, alone: bool, copies: int | None, tensor: int | None
) -> Placement | None:
    """The best of all ways, by their kind, then by how few GPUs hold a copy, then by how alike and large they are."""
    order: Sequence[Mode] = ("alone", "apart", "shared", "in turn")
    best: tuple[tuple[float, ...], Placement] | None = None
    for degree in model.degrees() if tensor is None else (tensor,):
        for group in _groups(host, model, degree, copies or 1):
            for found in _ways(host, needs, model, degree, group, alone, copies):
                kinds = {host.gpus[number].name for number in group}
                smallest = min(room(host.gpus[number]) for number in group)
                rank = (order.index(found.mode), degree, len(kinds), -smallest)
                if best is None or rank < best[0]:
                    best = (rank, found)
    return best[1] if best else None


def _groups(host: Host, model: Need, degree: int, copies: int) -> Iterator[tuple[int, ...]]:
    """The GPUs for so many copies: those with most room among alike ones, and among all."""
    each = model.on_each(degree)
    fitting = [number for number, gpu in enumerate(host.gpus) if room(gpu) >= each]
    fitting.sort(key=lambda number: (-room(host.gpus[number]), number))
    kinds = [(gpu.name, gpu.total) for gpu in host.gpus]
    for kind in dict.fromkeys([*(kinds[number] for number in fitting), None]):
        alike = [number for number in fitting if kind in (None, kinds[number])]
        if len(alike) >= degree * copies:
            yield tuple(sorted(alike[: degree * copies]))


def _ways(
    host: Host,
    needs: Needs,
    model: Need,
    degree: int,
    group: tuple[int, ...],
    alone: bool,
    copies: int | None,
) -> Iterator[Placement]:
    """What can be done with a group of GPUs that holds the language model."""
    each = needs.of_worker()
    if alone:
        yield from _serving("alone", host, model, degree, _copied(host, group, degree, copies, 1), needs)
        return
    wide = _copied(host, group, degree, copies, 2)
    for held in dict.fromkeys((wide, group)):
        rest = tuple(n for n, gpu in enumerate(host.gpus) if n not in held and room(gpu) >= each)
        if rest:
            yield from _serving("apart", host, model, degree, held, needs, workers=rest)
    roomy = tuple(n for n in group if room(host.gpus[n]) >= model.on_each(degree) + each)
    if roomy:
        yield from _serving("shared", host, model, degree, group, needs, workers=roomy)
    asking = needs.of_worker(without="segmentor")
    first = max(group, key=lambda number: room(host.gpus[number]))
    if room(host.gpus[first]) >= max(model.on_each(degree) + asking, each):
        yield from _serving("in turn", host, model, degree, group, needs, workers=(first,))


def _copied(
    host: Host, group: tuple[int, ...], degree: int, copies: int | None, part: int
) -> tuple[int, ...]:
    """The group, and as many more like it as make copies on one of ``part`` of the GPUs that are as roomy."""
    if copies is not None:
        return group
    model = (host.gpus[group[0]].name, host.gpus[group[0]].total)
    least = min(room(host.gpus[number]) for number in group)
    alike = [
        number
        for number, gpu in enumerate(host.gpus)
        if number in group or ((gpu.name, gpu.total) == model and room(gpu) >= least)
    ]
    wanted = max(1, len(alike) // (part * degree)) * degree
    others = [number for number in alike if number not in group]
    return tuple(sorted([*group, *others[: wanted - len(group)]]))


def _serving(
    mode: Mode,
    host: Host,
    model: Need,
    degree: int,
    gpus: tuple[int, ...],
    needs: Needs,
    workers: tuple[int, ...] = (),
) -> Iterator[Placement]:
    """The server with all the memory that is left to it on each of its GPUs, if that is enough."""
    beside = needs.of_worker() if mode == "shared" else needs.of_worker(without="segmentor")
    taken = {number: beside for number in workers if mode in ("shared", "in turn")}
    shares = ((room(host.gpus[n]) - taken.get(n, 0)) / host.gpus[n].total for n in gpus)
    share = floor(min(shares) * 1000) / 1000
    if any(share * host.gpus[number].total < model.on_each(degree) for number in gpus):
        return
    loads = {number: _worker_load(needs) for number in workers if number not in gpus}
    for number in gpus:
        loads[number] = {model.role: floor(share * host.gpus[number].total)}
        if number in taken:
            loads[number] |= _worker_load(needs, without="" if mode == "shared" else "segmentor")
    yield Placement(mode, host, Server(gpus, degree, share), workers, loads)


def _worker_load(needs: Needs, *, without: str = "") -> dict[str, int]:
    load: dict[str, int] = {}
    for need in needs.worker:
        if need.role != without:
            load[need.role] = load.get(need.role, 0) + need.total
    return load


def _holds(host: Host, wanted: int) -> bool:
    """Whether the main memory does."""
    return host.memory is None or wanted <= CAP * host.memory
