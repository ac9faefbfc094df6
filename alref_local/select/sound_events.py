"""Where one sound ends and another begins (paper, Audio Clip Segmentation): neighbouring windows that differ."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.settings import Events
from alref_local.types import Spans

__all__ = ["Features", "Segment", "cuts", "known_segments", "level", "segments"]

_RATE: Final = 16_000
_FLOOR: Final = 1e-10  # of power, -100 dB: below it one silence is as quiet as another

Features = Callable[[NDArray[np.float32], float], NDArray[np.float32]]
"""``Tagger.features``: samples and the seconds of a window -> ``(windows, d)``."""


class Segment(NamedTuple):
    """A sound event: seconds ``[start, stop)`` and how loud it is, in dB of full scale."""

    start: float
    stop: float
    level: float

    def later(self, seconds: float) -> Segment:
        """The same on a clock that began earlier by so many seconds; to the millisecond, so that neighbours meet."""
        return self._replace(start=round(self.start + seconds, 3), stop=round(self.stop + seconds, 3))

    def of(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Its own among the ``(n,)`` samples that were cut."""
        return samples[round(self.start * _RATE) : round(self.stop * _RATE)]


def segments(samples: NDArray[np.float32], features: Features, events: Events) -> tuple[Segment, ...]:
    """The sound events of ``(n,)`` float32 mono samples at 16 kHz, without a gap between them; none of no samples.

    Args:
        samples: what is heard.
        features: says what windows of it sound like.
        events: how long windows are, and what a cut is.
    """
    if not len(samples):
        return ()
    step = round(events.window / events.steps * _RATE)
    heard = _sliding(samples, features, step, events.steps)
    loud = _sliding(samples, _levels, step, events.steps)[:, 0]
    places = cuts(heard, loud, events)
    edges = [0.0, *(place * step / _RATE for place in places), len(samples) / _RATE]
    found = (Segment(start, stop, 0.0) for start, stop in pairwise(edges))
    return tuple(one._replace(level=level(one.of(samples))) for one in found)


def known_segments(samples: NDArray[np.float32], when: Spans, start: float) -> tuple[Segment, ...]:
    """The sound events of the same samples, where they are known: what of each lies in them.

    Args:
        samples: what is heard.
        when: seconds of the events.
        start: the second at which the samples begin.
    """
    stop = len(samples) / _RATE
    inside = ((max(0.0, one[0] - start), min(stop, one[1] - start)) for one in when)
    found = (Segment(begin, end, 0.0) for begin, end in inside if begin < end)
    return tuple(one._replace(level=level(one.of(samples))) for one in found)


def cuts(features: NDArray[np.float32], levels: NDArray[np.float32], events: Events) -> list[int]:
    """Windows with which another sound begins.

    A window is compared with the one that ends where it begins, ``events.steps`` rows before. Where both windows
    overlap their neighbours, the greatest change counts of all within half a window.

    Args:
        features: ``(n, d)``, a row for every step.
        levels: ``(n,)`` dB of the same windows.
        events: what a cut is.
    """
    steps = events.steps
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    change = (1 - (unit[steps:] * unit[:-steps]).sum(axis=1)) / (1 - events.threshold)
    if events.level is not None:
        change = np.maximum(change, np.abs(levels[steps:] - levels[:-steps]) / events.level)
    near = steps // 2
    found: list[int] = []
    for place in np.flatnonzero(change > 1).tolist():
        first = max(0, place - near)
        if first + int(change[first : place + near + 1].argmax()) == place:
            found.append(place + steps)
    return found


def level(samples: NDArray[np.float32]) -> float:
    """Mean power in dB of full scale, -100 at least."""
    power = float(np.square(samples, dtype=np.float64).mean()) if len(samples) else 0.0
    return float(10 * np.log10(max(power, _FLOOR)))


def _sliding(samples: NDArray[np.float32], features: Features, step: int, steps: int) -> NDArray[np.float32]:
    """``(n, d)``: row ``i`` is of the window that begins at ``i * step``, for all with more than half of their samples.

    The rest of a sound that is shorter belongs to the window before.
    """
    size = step * steps
    rows: dict[int, NDArray[np.float32]] = {}
    for shift in range(0, min(steps * step, len(samples)), step):
        for number, row in enumerate(features(samples[shift:], size / _RATE)):
            rows[shift // step + number * steps] = row
    whole = max(1, (len(samples) - size // 2 + step - 1) // step)
    return np.stack([rows[place] for place in sorted(rows)[:whole]])


def _levels(samples: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    size = round(seconds * _RATE)
    windows = (samples[start : start + size] for start in range(0, len(samples), size))
    return np.array([[level(window)] for window in windows], np.float32)
