"""Runs over the same videos beside each other: where they agree, who was right, what it cost, what is only noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from alref_local.compare.display import sentences
from alref_local.compare.result import Comparison
from alref_local.compare.runs import open_runs
from alref_local.compare.scan import ComparedItem, Walk
from alref_local.compare.tally import Tally

__all__ = ["Comparison", "compare", "open_runs", "sentences"]


def compare(
    runs: Sequence[str | Path],
    *,
    root: str | Path | None = None,
    each: Callable[[ComparedItem], None] = lambda item: None,
) -> Comparison:
    """Compare runs over the same videos, one video at a time.

    Args:
        runs: folders that ``evaluate`` or ``segment`` wrote.
        root: folder of the data set, which knows kinds and truth; the drawn world needs none.
        each: told of every video.

    Raises:
        ConfigError: there is no run, they have no video in common, or the data set cannot be read.
    """
    opened = open_runs([Path(run) for run in runs])
    walk = Walk(opened, None if root is None else Path(root))
    tally = Tally(opened)
    for item in walk:
        tally.add(item)
        each(item)
    return tally.comparison(walk.left_out)
