"""Random paths: within the frame, in from outside it, in from a cut edge, out of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from alref_local.world.motion import Motion

WAYS: Final[dict[str, tuple[int, int]]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
Region = tuple[float, float, float, float]  # x0, x1, y0, y1 as shares of where a centre may lie
ANYWHERE: Final[Region] = (0.0, 1.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a path must fit in: frame size (height, width), number of frames, period of an endless clip."""

    size: tuple[int, int]
    length: int
    period: int | None = None

    @property
    def short(self) -> int:
        """The frame's shorter side."""
        return min(self.size)


def inside(
    rng: np.random.Generator, stage: Stage, shape: tuple[float, float], size: float, way: str, region: Region
) -> Motion:
    """A path that stays in the frame; `shape` is the object's (width, height) and `way` the motion's name."""
    x0, x1, y0, y1 = _reach(stage, shape, region)
    start = (float(rng.uniform(x0, x1)), float(rng.uniform(y0, y1)))
    if way == "still":
        return Motion(
            "still", start, start, 0, 1, (size, size), period=stage.period, mirrored=bool(rng.random() < 0.5)
        )
    grown = size * float(rng.choice([1.0, 1.0, 1.0, 0.9]))
    begin = float(rng.integers(0, max(1, stage.length // 4)))
    finish = float(rng.integers(max(2, stage.length * 3 // 4), max(3, stage.length + 1)))
    if way == "curved":
        end = (float(rng.uniform(x0, x1)), float(rng.uniform(y0, y1)))
        bend = float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.2)) * stage.short
    else:
        start, end = _along(rng, way, (x0, x1, y0, y1))
        bend = 0.0
    turn = bool(rng.random() < 0.15)
    return Motion(
        way, start, end, begin, finish, (grown, size), bend, turn, stage.period, bool(rng.random() < 0.5)
    )


def entering(
    rng: np.random.Generator, stage: Stage, shape: tuple[float, float], size: float, way: str, region: Region
) -> Motion:
    """In from outside the frame, first seen after a third of the clip."""
    path = _straight(inside(rng, stage, shape, size, way, region))
    length = stage.length
    begin = float(rng.integers(-(-length // 3), max(length // 3 + 2, length // 2)))
    finish = min(length - 1.0, begin + float(rng.uniform(0.22, 0.45)) * length)
    return replace(
        path, start=_beyond(stage, shape, way, path.end, 0.5), begin=begin, finish=max(finish, begin + 1)
    )


def peeking(
    rng: np.random.Generator, stage: Stage, shape: tuple[float, float], size: float, way: str, region: Region
) -> Motion:
    """Cut by the frame's edge at the start, then in."""
    path = _straight(inside(rng, stage, shape, size, way, region))
    return replace(
        path, start=_beyond(stage, shape, way, path.end, -float(rng.uniform(0.1, 0.35))), begin=0.0
    )


def leaving(
    rng: np.random.Generator, stage: Stage, shape: tuple[float, float], size: float, way: str, region: Region
) -> Motion:
    """Out of the frame before the clip ends."""
    path = _straight(inside(rng, stage, shape, size, way, region))
    back = {"left": "right", "right": "left", "up": "down", "down": "up"}[way]
    begin = float(rng.integers(0, max(1, stage.length // 2)))
    return replace(
        path, end=_beyond(stage, shape, back, path.start, 0.5), begin=begin, finish=stage.length * 0.95
    )


def _straight(path: Motion) -> Motion:
    """The path one way, without a bow or growth: what lies beyond the frame is then known exactly."""
    return replace(path, turn=False, bend=0.0, sizes=(path.sizes[1], path.sizes[1]))


def _reach(stage: Stage, shape: tuple[float, float], region: Region) -> tuple[float, float, float, float]:
    """Limits of the centre, pixels, such that the object stays inside the frame by two pixels."""
    out: list[float] = []
    for extent, side, (low, high) in zip(
        (stage.size[1], stage.size[0]), shape, (region[:2], region[2:]), strict=True
    ):
        first, last = side / 2 + 3, extent - side / 2 - 3
        out += [first + (last - first) * low, first + (last - first) * high]
    return out[0], out[1], out[2], out[3]


def _along(
    rng: np.random.Generator, way: str, reach: tuple[float, float, float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """A start and an end, most of the way apart along `way`, little apart across it."""
    spans = [reach[:2], reach[2:]]
    axis = 0 if WAYS[way][0] else 1
    ends = [[0.0, 0.0], [0.0, 0.0]]
    low, high = spans[axis]
    first = float(rng.uniform(low, low + 0.3 * (high - low)))
    last = float(rng.uniform(low + 0.7 * (high - low), high))
    ends[axis] = [first, last] if WAYS[way][axis] > 0 else [last, first]
    low, high = spans[1 - axis]
    level = float(rng.uniform(low, high))
    drift = float(rng.uniform(-0.06, 0.06)) * (high - low)
    ends[1 - axis] = [level, min(high, max(low, level + drift))]
    return (ends[0][0], ends[1][0]), (ends[0][1], ends[1][1])


def _beyond(
    stage: Stage, shape: tuple[float, float], way: str, end: tuple[float, float], out: float
) -> tuple[float, float]:
    """A start from which `way` leads to `end`: `out` widths of the object beyond the edge (0.5: just out)."""
    height, width = stage.size
    dx, dy = WAYS[way]
    extra = 2.0 if out > 0 else 0.0
    if dx:
        gap = shape[0] * out + extra
        return (-gap if dx > 0 else width + gap), end[1]
    gap = shape[1] * out + extra
    return end[0], (-gap if dy > 0 else height + gap)
