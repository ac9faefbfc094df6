"""Which pivots are one object: a sentence may mean several ("the two dogs"), each with a track of its own.

The paper speaks of one referent. Where a frame holds several pivots, the frame with most of them founds the objects;
they are carried through the video once, and a pivot of another clip that their masks meet is one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count, groupby

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from alref_local.boxes import overlaps
from alref_local.masks import box
from alref_local.types import MaskTrack, Pivot

__all__ = ["by_object", "founders", "numbered"]

_SAME = 0.3
"""Least IoU of a pivot box with the box of an object's mask."""


def founders(pivots: Sequence[Pivot]) -> tuple[Pivot, ...]:
    """The pivots of the frame that holds most of them (the earliest of several); empty if no frame holds two."""
    frames = _by_frame(pivots)
    most = max(frames.values(), key=len, default=())
    return tuple(most) if len(most) > 1 else ()


def numbered(pivots: Sequence[Pivot], tracks: Sequence[MaskTrack]) -> tuple[Pivot, ...]:
    """The pivots with the number of their object in ``track``.

    Args:
        pivots: all pivots of one sentence.
        tracks: the founders' masks, in their order; empty if there is one object.

    Returns:
        The pivots in the order given. Founders are objects 0, 1, ...; a pivot that no mask meets is one more object.
    """
    if not tracks:
        return tuple(replace(pivot, track=0) for pivot in pivots)
    numbers: dict[Pivot, int] = {pivot: number for number, pivot in enumerate(founders(pivots))}
    fresh = count(len(tracks))
    for frame, group in _by_frame([pivot for pivot in pivots if pivot not in numbers]).items():
        overlap = np.stack([_overlaps(pivot, tracks, frame) for pivot in group])
        for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
            if overlap[row, column] >= _SAME:
                numbers[group[row]] = int(column)
        numbers.update({pivot: next(fresh) for pivot in group if pivot not in numbers})
    return tuple(replace(pivot, track=numbers[pivot]) for pivot in pivots)


def by_object(pivots: Sequence[Pivot]) -> Mapping[int, tuple[Pivot, ...]]:
    """The pivots of each object, by its number."""
    ordered = sorted(pivots, key=lambda pivot: pivot.track)
    return {number: tuple(group) for number, group in groupby(ordered, key=lambda pivot: pivot.track)}


def _by_frame(pivots: Sequence[Pivot]) -> dict[int, list[Pivot]]:
    frames: dict[int, list[Pivot]] = {}
    for pivot in sorted(pivots, key=lambda pivot: pivot.frame):
        frames.setdefault(pivot.frame, []).append(pivot)
    return frames


def _overlaps(pivot: Pivot, tracks: Sequence[MaskTrack], frame: int) -> NDArray[np.float64]:
    boxes = [box(track.masks[frame]) or (0, 0, 0, 0) for track in tracks]
    return overlaps(np.array(pivot.box), np.array(boxes, np.float64))
