"""Means of named figures, with how many values stand behind each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

__all__ = ["Tally"]


class Tally:
    """Collects values by name; a name like ``grounding/recall@3/size`` groups itself when sorted."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = defaultdict(list)

    def add(self, name: str, value: float) -> None:
        """One more value of a figure."""
        self._values[name].append(float(value))

    def extend(self, name: str, values: Iterable[float]) -> None:
        """Several more values of a figure."""
        self._values[name].extend(float(value) for value in values)

    def means(self) -> dict[str, dict[str, float]]:
        """``{name: {"mean", "n"}}`` by name."""
        return {
            name: {"mean": round(float(np.mean(values)), 4), "n": len(values)}
            for name, values in sorted(self._values.items())
            if values
        }

    def table(self) -> str:
        """The same for people."""
        rows = self.means()
        width = max(map(len, rows), default=0)
        return "\n".join(
            f"{name:<{width}}  {row['mean']:.3f}  (n={row['n']:.0f})" for name, row in rows.items()
        )
