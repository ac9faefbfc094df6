"""How far two runs agree on one sentence: pivot frame, pivot box, references, masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from alref_local.boxes import overlaps
from alref_local.compare.asked import Answers
from alref_local.masks import empty, jaccard, union
from alref_local.types import Box, ClipReasoned, Heard, Rle, TargetResult

__all__ = [
    "SAME_BOX",
    "ClipPair",
    "box_iou",
    "clip_key",
    "clip_pairs",
    "heard_pairs",
    "mask_iou",
    "single_answers",
    "within_answers",
]

SAME_BOX = 0.9
"""IoU from which two boxes are one candidate: two machines round differently."""


@dataclass(frozen=True, slots=True)
class ClipPair:
    """Two runs on one clip.

    Attributes:
        length: sampled frames of the clip (the longer list, where one run was given a frame).
        candidates: boxes to choose from, where both runs are on one frame.
        exact: whether they chose the same pivot frame; ``None`` where there was nothing to choose.
        near: whether these are the same, or neighbours among the sampled frames.
        same: whether they chose the same candidates, or both none; ``None`` where they are not on one frame.
        iou: of the boxes that they chose, matched one to one (unmatched ones count 0); ``None`` as above, or no box.
        ours, theirs: what each of them settled.
    """

    length: int
    candidates: int
    exact: bool | None
    near: bool | None
    same: bool | None
    iou: float | None
    ours: ClipReasoned
    theirs: ClipReasoned

    @property
    def differs(self) -> bool:
        """Another pivot frame, or another box on the same one."""
        return self.exact is False or self.same is False


def clip_pairs(ours: Iterable[ClipReasoned], theirs: Iterable[ClipReasoned]) -> list[ClipPair]:
    """The clips that both runs saw: the same stretch of the video, about the same thing."""
    other = {clip_key(clip): clip for clip in theirs}
    return [_pair(clip, other[key]) for clip in ours if (key := clip_key(clip)) in other]


def clip_key(one: ClipReasoned) -> tuple[str, int, int]:
    """What makes clips of two runs the same one: the thing they are about, and the stretch of the video."""
    return one.query_id, one.clip.start, one.clip.stop


def _pair(ours: ClipReasoned, theirs: ClipReasoned) -> ClipPair:
    sampled = sorted({*ours.clip.frames, *theirs.clip.frames})
    a, b = (sampled.index(one.frame) if one.frame in sampled else None for one in (ours, theirs))
    exact = near = same = iou = None
    if len(sampled) > 1 and (a, b) != (None, None):
        exact = a == b
        near = a is not None and b is not None and abs(a - b) <= 1
    if a is not None and a == b:
        same, iou = box_iou([one.box for one in ours.pivots], [one.box for one in theirs.pivots])
    length = max(len(ours.clip.frames), len(theirs.clip.frames))
    return ClipPair(length, len(ours.candidates), exact, near, same, iou, ours, theirs)


def box_iou(ours: Sequence[Box], theirs: Sequence[Box]) -> tuple[bool, float | None]:
    """Whether two choices are the same boxes, and the IoU of what they have in common."""
    if not ours or not theirs:
        return not ours and not theirs, None if not ours and not theirs else 0.0
    table = _table(ours, theirs)
    if table.size == 1:
        found = table[0]
    else:
        from scipy.optimize import linear_sum_assignment  # slow to import, and seldom needed

        found = table[linear_sum_assignment(table, maximize=True)]
    same = len(ours) == len(theirs) and bool((found >= SAME_BOX).all())
    return same, float(found.sum()) / max(len(ours), len(theirs))


def _table(ours: Sequence[Box], theirs: Sequence[Box]) -> NDArray[np.float64]:
    others = np.array(theirs, np.float64)
    return np.stack([overlaps(np.array(box, np.float64), others) for box in ours])


def mask_iou(ours: TargetResult, theirs: TargetResult) -> float | None:
    """Mean J of the masks over all frames, 1 where both are empty; ``None`` if the videos are not of one form."""
    tracks = [*ours.tracks, *theirs.tracks]
    if not tracks:
        return 1.0
    size, length = tracks[0].size, len(tracks[0].masks)
    if any(track.size != size or len(track.masks) != length for track in tracks):
        return None
    return float(jaccard(_union(ours, size, length), _union(theirs, size, length)).mean())


def _union(result: TargetResult, size: tuple[int, int], length: int) -> list[Rle]:
    if not result.tracks:
        return [empty(size)] * length
    return [union([track.masks[frame] for track in result.tracks]) for frame in range(length)]


def heard_pairs(ours: Sequence[Heard], theirs: Sequence[Heard]) -> list[tuple[bool, float]]:
    """For every stretch that both heard: whether they name the same things, and IoU of the two sets of names."""
    other = {(one.start, one.stop): frozenset(one.categories) for one in theirs}
    found = []
    for one in ours:
        if (key := (one.start, one.stop)) in other:
            mine, its = frozenset(one.categories), other[key]
            found.append((mine == its, len(mine & its) / len(mine | its) if mine | its else 1.0))
    return found


def within_answers(found: Answers) -> Iterator[tuple[str, float]]:
    """By question that was asked several times: a measure, and the share of pairs of answers that agree on it."""
    for (_, step, _), samples in found.items():
        yield from _shares(step, list(combinations(samples, 2)))


def single_answers(
    ours: Answers, theirs: Answers, comparable: set[tuple[str, str, int]]
) -> Iterator[tuple[str, float]]:
    """The same between two runs, one answer of each: beside `within_answers` it says what is more than chance.

    Args:
        ours: of one run.
        theirs: of the other.
        comparable: questions that show the same frames, or the same candidates, in both.
    """
    for key in ours.keys() & theirs.keys() & comparable:
        yield from _shares(key[1], list(product(ours[key], theirs[key])))


def _shares(step: str, pairs: Sequence[tuple[frozenset[str], frozenset[str]]]) -> Iterator[tuple[str, float]]:
    if not pairs:
        return
    yield step, sum(a == b for a, b in pairs) / len(pairs)
    if step == "pivot_frame":
        yield "pivot_frame_near", sum(_near(a, b) for a, b in pairs) / len(pairs)


def _near(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    """Ids of neighbouring sampled frames, or the same."""
    if len(ours) != 1 or len(theirs) != 1:
        return ours == theirs
    (a,), (b,) = ours, theirs
    return abs(int(a) - int(b)) <= 1 if a.isdecimal() and b.isdecimal() else a == b
