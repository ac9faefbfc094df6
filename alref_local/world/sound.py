"""A clip's sound and its truth: which object sounds in which frames, what sounds off screen, the mixture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alref_local.world.timbre import sound_of
from alref_local.world.tones import RATE, Signal, noise

__all__ = ["Part", "Soundtrack"]

Stretch = tuple[int, int]  # frames, end exclusive


@dataclass(frozen=True, slots=True)
class Part:
    """One source of sound. `actor` is the object's index, None off screen; `level` is in dB."""

    class_name: str
    actor: int | None
    stretches: tuple[Stretch, ...]
    level: float = 0.0

    def at(self, t: int) -> bool:
        """Whether it sounds in frame `t`."""
        return any(start <= t < stop for start, stop in self.stretches)


@dataclass(frozen=True, eq=False)
class Soundtrack:
    """What is heard in a clip of `length` frames; rendered when asked for, the same each time.

    `hush` is how far the background noise lies below a part at 0 dB (both by their loudest tenth of a second),
    `tilt` its colour (0 white, 1 pink, 2 brown), `peak` the greatest sample of the whole in 0..1.
    """

    length: int
    fps: float
    parts: tuple[Part, ...]
    hush: float
    tilt: float
    peak: float
    seed: tuple[int, ...]

    @property
    def samples(self) -> int:
        """Samples at 16 kHz: as long as the clip."""
        return self.place(self.length)

    def place(self, t: int) -> int:
        """The first sample of frame `t`."""
        return round(t / self.fps * RATE)

    def seconds(self, actor: int) -> tuple[tuple[float, float], ...]:
        """The intervals (start, end) in seconds in which an object sounds."""
        stretches = [s for part in self.parts if part.actor == actor for s in part.stretches]
        return tuple((start / self.fps, stop / self.fps) for start, stop in sorted(stretches))

    @cached_property
    def audio(self) -> NDArray[np.float32]:
        """float32 (samples,) mono 16 kHz in -1..1."""
        mixed = noise(np.random.default_rng((*self.seed, 0)), self.samples, 60, 7_000, self.tilt)
        mixed *= 10 ** (-self.hush / 20)
        for number in range(len(self.parts)):
            mixed += self.alone(number)
        return np.asarray(mixed * self.peak / np.abs(mixed).max(), np.float32)

    def alone(self, number: int) -> Signal:
        """float64 (samples,): one part by itself, before the whole is set to its peak."""
        part, out = self.parts[number], np.zeros(self.samples)
        for start, stop in part.stretches:
            voice = np.random.default_rng((*self.seed, number + 1))  # each stretch in the same voice
            first, last = self.place(start), self.place(stop)
            out[first:last] = sound_of(part.class_name, voice, last - first)
        return out * 10 ** (part.level / 20)
