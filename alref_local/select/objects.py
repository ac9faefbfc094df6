"""Which pivots are one object: a sentence may mean several ("the two dogs"), each with a track of its own.

The paper speaks of one referent. Where a frame holds several pivots, the frame with most of them founds the objects;
they are carried through the video once, and a pivot of another clip that their masks meet is one of them. Those that
none of them meets, on several frames, are carried once too: an object that comes late is one object, not one a clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from scipy.optimize import linear_sum_assignment

from alref_local.boxes import overlaps
from alref_local.masks import box
from alref_local.types import MaskTrack, Pivot

__all__ = ["by_object", "founders", "latecomers", "numbered"]

_SAME = 0.3
"""Least IoU of a pivot box with the box of an object's mask."""


def founders(pivots: Sequence[Pivot]) -> tuple[Pivot, ...]:
    """The pivots of the frame that holds most of them (the earliest of several); empty if no frame holds two."""
    frames = _by_frame(pivots)
    most = max(frames.values(), key=len, default=())
    return tuple(most) if len(most) > 1 else ()


def latecomers(pivots: Sequence[Pivot], told: Sequence[Pivot]) -> tuple[Pivot, ...]:
    """The pivots that no founder's mask meets, if two of them may be one object: those of a single frame are not.

    Args:
        pivots: all pivots of one sentence.
        told: the same, numbered by the founders' masks.
    """
    first = len(founders(pivots))
    late = tuple(pivot for pivot, one in zip(pivots, told, strict=True) if first and one.track >= first)
    return late if len(_by_frame(late)) > 1 else ()


def numbered(
    pivots: Sequence[Pivot], tracks: Sequence[MaskTrack], late: Sequence[Pivot] = ()
) -> tuple[Pivot, ...]:
    """The pivots with the number of their object in ``track``.

    Args:
        pivots: all pivots of one sentence.
        tracks: the masks of the founders, in their order, then of ``late``; empty if there is one object.
        late: other pivots that were carried, too.

    Returns:
        The pivots in the order given. Founders are objects 0, 1, ...; a pivot that no mask meets is one more object.
    """
    if not tracks:
        return tuple(replace(pivot, track=0) for pivot in pivots)
    first = founders(pivots)
    carried = dict(zip((*first, *late), tracks, strict=True))
    objects: list[list[Pivot]] = [[pivot] for pivot in first]
    for frame, group in _by_frame([pivot for pivot in pivots if pivot not in first]).items():
        known = [[carried[one] for one in some if one in carried] for some in objects]
        overlap = np.array([[_overlap(pivot, some, frame) for some in known] for pivot in group])
        pairs = zip(*linear_sum_assignment(overlap, maximize=True), strict=True)
        met = {int(row): objects[column] for row, column in pairs if overlap[row, column] >= _SAME}
        for row, pivot in enumerate(group):
            if row in met:
                met[row].append(pivot)
            else:
                objects.append([pivot])
    numbers = {pivot: number for number, some in enumerate(objects) for pivot in some}
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


def _overlap(pivot: Pivot, tracks: Sequence[MaskTrack], frame: int) -> float:
    """IoU of a pivot with the box of the mask that meets it best."""
    boxes = [box(track.masks[frame]) or (0, 0, 0, 0) for track in tracks]
    return float(overlaps(np.array(pivot.box), np.array(boxes, np.float64)).max(initial=0)) if boxes else 0.0
