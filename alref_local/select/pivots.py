"""From pivots to SAM 2's prompts: every pivot is a conditioning frame, one of them is where propagation starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from alref_local.types import Pivot, Prompt

__all__ = ["start_pivot", "track_prompts", "visits"]


def start_pivot(
    pivots: Sequence[Pivot], n_clips: int, rule: Literal["nearest_to_middle", "surviving_middle"]
) -> Pivot:
    """The pivot from which a track is propagated: that of the middle clip (paper, Implementation Details).

    When the middle clip was dropped the paper is silent: ``nearest_to_middle`` takes the pivot of the clip nearest to
    it (the earlier of two), ``surviving_middle`` the middle one of the pivots that are left, as the released code.

    Raises:
        ValueError: there is no pivot.
    """
    if not pivots:
        raise ValueError("a track needs at least one pivot")
    ordered = sorted(pivots, key=lambda pivot: pivot.frame)
    if rule == "surviving_middle":
        return ordered[len(ordered) // 2]
    middle = n_clips // 2
    return min(ordered, key=lambda pivot: (abs(pivot.clip - middle), pivot.clip))


def track_prompts(
    track_id: int,
    pivots: Sequence[Pivot],
    n_clips: int,
    rule: Literal["nearest_to_middle", "surviving_middle"],
) -> list[Prompt]:
    """Box prompts for one track, in frame order, the start marked."""
    start = start_pivot(pivots, n_clips, rule)
    ordered = sorted(pivots, key=lambda pivot: pivot.frame)
    return [Prompt(track_id, pivot.frame, box=pivot.box, start=pivot is start) for pivot in ordered]


def visits(length: int, prompts: Sequence[Prompt]) -> int:
    """Frames that the segmentor goes over: forward from the earliest start, backward from the latest."""
    starts = [prompt.frame for prompt in prompts if prompt.start]
    return length - min(starts) + max(starts) if starts else 0
