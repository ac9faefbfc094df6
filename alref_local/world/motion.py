"""Where an object is at any frame, in closed form: nothing is stepped, so any frame costs the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Motion:
    """A path from `start` to `end` (centres, x right, y down, pixels) between frames `begin` and `finish`.

    `name` is still, left, right, up, down or curved. `bend` bows the path sideways by so many pixels, `turn`
    walks it there and back, `period` repeats there-and-back for ever. `sizes` are the object's size at both
    ends. `mirrored` faces an object to the left when it does not move sideways.
    """

    name: str
    start: tuple[float, float]
    end: tuple[float, float]
    begin: float
    finish: float
    sizes: tuple[float, float]
    bend: float = 0.0
    turn: bool = False
    period: int | None = None
    mirrored: bool = False

    def progress(self, t: NDArray[np.int64]) -> Floats:
        """Share of the path in 0..1 at frames `t`."""
        if self.period is not None:
            return np.asarray(1 - np.abs(2 * (t % self.period) / self.period - 1))
        share = np.clip((t - self.begin) / max(self.finish - self.begin, 1e-9), 0.0, 1.0)
        return np.asarray(1 - np.abs(2 * share - 1) if self.turn else share)

    def centres(self, t: NDArray[np.int64]) -> Floats:
        """Centres at frames `t`, (n, 2), x then y."""
        u = self.progress(t)[:, None]
        a, b = np.array(self.start), np.array(self.end)
        step = b - a
        across = np.array([-step[1], step[0]]) / max(float(np.abs(step).sum()), 1e-9)
        return np.asarray(a + step * u + across * self.bend * 4 * u * (1 - u))

    def size(self, t: NDArray[np.int64]) -> Floats:
        """Size at frames `t`, (n,): the square root of width x height."""
        first, last = self.sizes
        return np.asarray(first + (last - first) * self.progress(t))

    def flipped(self, t: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the object faces left at frames `t`, (n,)."""
        dx = self.end[0] - self.start[0]
        if self.name not in ("left", "right"):
            return np.full(len(t), self.mirrored)
        if self.period is not None:
            back = t % self.period * 2 >= self.period
        else:
            back = (t * 2 > self.begin + self.finish) & self.turn
        return np.asarray(back != (dx < 0))
