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
    """A ``Backend`` for one scene and one of its sentences."""

    name = "oracle"

    def __init__(self, scene: Scene, sentence: Sentence) -> None:
        self.scene = scene
        self.referent = sentence.referents[0]
        self.good = frozenset(sentence.good_frames)

    async def ask(self, question: Question) -> Answer:
        """The good frame that shows most of the referent; the box that fits it best."""
        if question.step == "pivot_frame":
            frames = question.fields["frames"]
            best = max(frames, key=lambda frame: (frame in self.good, self._seen(frame), -frame))
            return Answer((str(frames.index(best) + 1),), raw=f"[{frames.index(best) + 1}]")
        truth = referent_box(self.scene, self.referent, question.fields["frame"])
        fits = [box_iou(Box(*box), truth) for box in question.fields["boxes"]]
        best_fit = int(np.argmax(fits))
        if fits[best_fit] < 0.5 and question.spec.none_allowed:
            return Answer((), raw="[]")
        return Answer((str(best_fit + 1),), raw=f"[{best_fit + 1}]")

    async def close(self) -> None:
        """Nothing is held."""

    def _seen(self, frame: int) -> int:
        return int(self.scene.masks(frame)[self.referent].sum())
