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

__all__ = ["CAP", "Mode", "Placement", "Server", "place", "place_beside", "room"]

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


def room(gpu: Gpu, cap: float = CAP) -> int:
    """Bytes of a GPU that may still be taken, if at most ``cap`` of it is to be in use."""
    return max(0, min(gpu.free, floor(cap * gpu.total) - (gpu.total - gpu.free)))


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
        return _workers(host, needs, CAP)
    if not processor and (found := _Search(host, needs, needs.server, alone, copies).best(tensor)):
        return found
    if (processor or not needs.gpu) and _holds(host, needs.server.total):
        workers = () if alone else _workers(host, needs, CAP).workers
        loads = {number: _load(needs) for number in workers}
        return Placement("processor", host, Server(()), workers, loads)
    return Placement("nowhere", host)


def place_beside(host: Host, needs: Needs) -> Placement:
    """Give the processes that segment videos their places beside a server that runs already, or is elsewhere.

    A server may take somewhat more than its share; where that leaves less than was planned, all that is free counts.
    """
    placed = _workers(host, needs, CAP)
    return placed if placed.fits else _workers(host, needs, 1.0)


def _workers(host: Host, needs: Needs, cap: float) -> Placement:
    """A process on every GPU that holds one; the processor where there is no GPU, or the models are tiny."""
    each = needs.of_worker()
    workers = tuple(number for number, gpu in enumerate(host.gpus) if room(gpu, cap) >= each)
    if workers:
        return Placement("workers", host, workers=workers, loads={number: _load(needs) for number in workers})
    slow = not host.gpus or not needs.gpu
    return Placement("processor" if slow and _holds(host, each) else "nowhere", host)


_BEST_FIRST: Final[tuple[Mode, ...]] = ("alone", "apart", "shared", "in turn")


@dataclass(frozen=True)
class _Search:
    """All ways to have the language model served on GPUs, and the best of them."""

    host: Host
    needs: Needs
    model: Need
    alone: bool
    copies: int | None

    def best(self, tensor: int | None) -> Placement | None:
        """By the kind of way, then by how few GPUs hold a copy, then by how alike and how roomy they are."""
        found = [
            (self._rank(placed, group), placed)
            for degree in (self.model.degrees() if tensor is None else (tensor,))
            for group in self._groups(degree)
            for placed in self._ways(degree, group)
        ]
        return min(found, key=lambda one: one[0])[1] if found else None

    def _rank(self, placed: Placement, group: Sequence[int]) -> tuple[float, ...]:
        assert placed.server is not None
        kinds = {self.host.gpus[number].name for number in group}
        kind = _BEST_FIRST.index(placed.mode)
        return kind, placed.server.tensor, len(kinds), -min(map(self._room, group))

    def _groups(self, degree: int) -> Iterator[tuple[int, ...]]:
        """The GPUs for the copies that are wanted: those with most room among alike ones, and among all."""
        many = degree * (self.copies or 1)
        fitting = [n for n in range(len(self.host.gpus)) if self._room(n) >= self.model.on_each(degree)]
        fitting.sort(key=lambda number: (-self._room(number), number))
        for kind in dict.fromkeys([*map(self._kind, fitting), None]):
            alike = [number for number in fitting if kind in (None, self._kind(number))]
            if len(alike) >= many:
                yield tuple(sorted(alike[:many]))

    def _ways(self, degree: int, group: tuple[int, ...]) -> Iterator[Placement]:
        """What can be done with a group of GPUs that holds the language model."""
        if self.alone:
            yield from self._serving("alone", degree, self._copied(group, degree, 1))
            return
        each = self.needs.of_worker()
        for held in dict.fromkeys((self._copied(group, degree, 2), group)):
            others = (number for number in range(len(self.host.gpus)) if number not in held)
            if rest := tuple(number for number in others if self._room(number) >= each):
                yield from self._serving("apart", degree, held, rest)
        part = self.model.on_each(degree)
        if roomy := tuple(number for number in group if self._room(number) >= part + each):
            yield from self._serving("shared", degree, group, roomy)
        first = max(group, key=self._room)
        if self._room(first) >= max(part + self.needs.of_worker(without="segmentor"), each):
            yield from self._serving("in turn", degree, group, (first,))

    def _copied(self, group: tuple[int, ...], degree: int, part: int) -> tuple[int, ...]:
        """The group, and as many more like it as make copies on one of ``part`` of the GPUs that are as roomy."""
        if self.copies is not None:
            return group
        least = min(map(self._room, group))
        others = [
            number
            for number in range(len(self.host.gpus))
            if number not in group
            and self._kind(number) == self._kind(group[0])
            and self._room(number) >= least
        ]
        wanted = max(1, (len(group) + len(others)) // (part * degree)) * degree
        return tuple(sorted([*group, *others[: wanted - len(group)]]))

    def _serving(
        self, mode: Mode, degree: int, gpus: tuple[int, ...], workers: tuple[int, ...] = ()
    ) -> Iterator[Placement]:
        """The server with all the memory that is left to it on each of its GPUs, if that is enough."""
        beside = _load(self.needs, without="segmentor" if mode == "in turn" else "")
        here = {number: sum(beside.values()) for number in workers if number in gpus}
        shares = (
            (self._room(number) - here.get(number, 0)) / self.host.gpus[number].total for number in gpus
        )
        share = floor(min(shares) * 1000) / 1000
        takes = {number: floor(share * self.host.gpus[number].total) for number in gpus}
        if min(takes.values()) < self.model.on_each(degree):
            return
        loads: dict[int, dict[str, int]] = {number: dict(beside) for number in workers}
        for number, size in takes.items():
            loads[number] = {self.model.role: size, **loads.get(number, {})}
        yield Placement(mode, self.host, Server(gpus, degree, share), workers, loads)

    def _room(self, number: int) -> int:
        return room(self.host.gpus[number])

    def _kind(self, number: int) -> tuple[str, int]:
        return self.host.gpus[number].name, self.host.gpus[number].total


def _load(needs: Needs, *, without: str = "") -> dict[str, int]:
    """Bytes of a process that segments videos, by role."""
    load: dict[str, int] = {}
    for need in needs.worker:
        if need.role != without:
            load[need.role] = load.get(need.role, 0) + need.total
    return load


def _holds(host: Host, wanted: int) -> bool:
    """Whether the main memory does."""
    return host.memory is None or wanted <= CAP * host.memory
