"""How fast an evaluation goes, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Pace", "spoken"]


class Pace:
    """Counts items from the moment that the first models are loaded.

    Args:
        total: items of the run.
        before: items that were done at earlier starts; they say nothing about the pace.
        clock: seconds.
    """

    def __init__(self, total: int, before: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done, self.failed = total, before, 0
        self._clock = clock
        self._now = 0
        self._begun: float | None = None

    def start(self) -> None:
        """The first worker is ready."""
        if self._begun is None:
            self._begun = self._clock()

    def count(self, *, failed: bool = False) -> None:
        """One more item is settled."""
        self._now += 1
        if failed:
            self.failed += 1
        else:
            self.done += 1

    @property
    def rate(self) -> float:
        """Items a second; 0 before the first."""
        seconds = 0.0 if self._begun is None else self._clock() - self._begun
        return self._now / seconds if seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds for the rest at this rate, if there is one yet."""
        return (self.total - self.done - self.failed) / self.rate if self.rate else None

    def __str__(self) -> str:
        parts = [f"{self.done}/{self.total}"]
        parts += [f"{self.failed} failed"] if self.failed else []
        if self.left is not None:
            often = f"{self.rate:.2f}/s" if self.rate >= 1 else f"{60 * self.rate:.1f}/min"
            parts += [often, f"{spoken(self.left)} left"]
        return ", ".join(parts)


def spoken(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3 h 20 min``, ``2 d 3 h``."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"
