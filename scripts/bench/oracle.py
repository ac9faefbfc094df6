"""Who knows the drawn world's truth: a backend that answers every question right, if a right answer is offered."""

from __future__ import annotations

import numpy as np

from alref_local.boxes import overlaps
from alref_local.reason.question import Answer, Question
from alref_local.types import Box
from alref_local.world import Scene, Sentence

__all__ = ["Oracle", "box_iou", "referent_box"]


def referent_box(scene: Scene, referent: int, frame: int) -> Box:
    """The referent's box as it is seen on a frame; an empty box when nothing of it is seen."""
    rows, columns = np.nonzero(scene.masks(frame)[referent])
    if len(rows) == 0:
        return Box(0, 0, 0, 0)
    return Box(float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))


def box_iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    return float(overlaps(np.array(one), np.array([other]))[0])


class Oracle:
    """A ``Backend`` for one scene and one of its sentences, whatever that means: one object, several or none."""

    name = "oracle"

    def __init__(self, scene: Scene, sentence: Sentence) -> None:
        self.scene = scene
        self.referents = sentence.referents
        self.good = frozenset(sentence.good_frames)

    async def ask(self, question: Question) -> Answer:
        """The good frame that shows most of the referents; the boxes that fit them."""
        if question.step == "pivot_frame":
            frames = question.fields["frames"]
            best = max(frames, key=lambda frame: (frame in self.good, self._seen(frame), -frame))
            return _said([frames.index(best) + 1])
        boxes, frame, spec = question.fields["boxes"], question.fields["frame"], question.spec
        fits = np.zeros((max(1, len(self.referents)), len(boxes)))
        for row, referent in enumerate(self.referents):
            truth = referent_box(self.scene, referent, frame)
            fits[row] = [box_iou(Box(*box), truth) for box in boxes]
        if fits.max() < 0.5:
            return _said([] if spec.none_allowed else [int(fits.max(0).argmax()) + 1])
        best = sorted({int(row.argmax()) + 1 for row in fits if row.max() >= 0.5})
        return _said(best[: spec.max_items])

    async def close(self) -> None:
        """Nothing is held."""

    def _seen(self, frame: int) -> int:
        return int(self.scene.masks(frame)[list(self.referents)].sum())


def _said(ids: list[int]) -> Answer:
    return Answer(tuple(map(str, ids)), raw=str(ids))
