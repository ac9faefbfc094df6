"""What is measured of a sentence and of a clip, by name; shares in ``[0, 1]``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alref_local.boxes import overlaps
from alref_local.compare.agree import SAME_BOX, ClipPair
from alref_local.compare.scan import ComparedItem, Sentence, SentencePair
from alref_local.types import Candidate

__all__ = ["AGREEMENT", "clip_measures", "comparable", "judged", "sentence_measures", "words"]

AGREEMENT = {
    "pivot_frame": "pivot frame, the same",
    "pivot_frame_near": "pivot frame, within one",
    "pivot_box": "pivot box on the same frame, the same candidate",
    "pivot_box_iou": "pivot box on the same frame, IoU",
    "references": "references of a sound, the same set",
    "references_iou": "references of a sound, IoU of the sets",
    "masks": "masks, IoU",
}
"""What people call them."""


def clip_measures(clip: ClipPair) -> Iterator[tuple[str, float]]:
    """Agreement of two runs on one clip."""
    found = {
        "pivot_frame": clip.exact,
        "pivot_frame_near": clip.near,
        "pivot_box": clip.same,
        "pivot_box_iou": clip.iou,
    }
    yield from ((name, float(value)) for name, value in found.items() if value is not None)


def sentence_measures(pair: SentencePair) -> Iterator[tuple[str, float]]:
    """Agreement of two runs on one sentence: on all its clips, on what is heard, on the masks."""
    for clip in pair.clips:
        yield from clip_measures(clip)
    for same, iou in pair.heard:
        yield "references", float(same)
        yield "references_iou", iou
    if pair.masks is not None:
        yield "masks", pair.masks


def judged(item: ComparedItem, sentence: Sentence, run: int) -> Iterator[tuple[str, float]]:
    """By step, whether the pivots of a run are right; nothing where the truth is not known."""
    for clip in sentence.clips[run]:
        if sentence.judge is None or clip.query_id != sentence.id:
            continue  # the truth about a sound is not told thing by thing
        found = sentence.judge.judge(item.runs[run].video, clip)
        if found.frame is not None:
            yield "pivot_frame", float(found.frame)
        if found.box is not None:
            yield "pivot_box", float(found.box)


def words(sentence: Sentence) -> str:
    """The length of a sentence, in words."""
    count = len(sentence.text.split())
    return next(
        (name for most, name in ((3, "1-3"), (6, "4-6"), (10, "7-10")) if count <= most), "11 and more"
    )


def comparable(sentence: Sentence, pair: tuple[int, int]) -> Iterator[tuple[str, str, int]]:
    """Questions (reference, step, clip) that mean the same in two runs: the same frames, the same numbered boxes."""
    for ours in sentence.clips[pair[0]]:
        for theirs in sentence.clips[pair[1]]:
            if (ours.query_id, ours.clip) == (theirs.query_id, theirs.clip):
                yield ours.query_id, "pivot_frame", ours.clip.index
                if ours.frame == theirs.frame and _alike(ours.candidates, theirs.candidates):
                    yield ours.query_id, "pivot_box", ours.clip.index
    for one in sentence.results[pair[0]].heard:
        if any(
            (one.start, one.stop) == (other.start, other.stop) for other in sentence.results[pair[1]].heard
        ):
            yield "sound", "lbru", one.stretch


def _alike(ours: tuple[Candidate, ...], theirs: tuple[Candidate, ...]) -> bool:
    if len(ours) != len(theirs):
        return False
    pairs = ((np.array(a.box), np.array([b.box])) for a, b in zip(ours, theirs, strict=True))
    return all(overlaps(a, b)[0] >= SAME_BOX for a, b in pairs)
