"""Whether a pivot is right: is the thing on the pivot frame, and does the pivot box hold it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alref_local.boxes import overlaps
from alref_local.datasets import Item, Truth
from alref_local.evaluate.tasks import query_ids
from alref_local.masks import box, encode
from alref_local.runs.result import VideoInfo
from alref_local.types import Box, ClipReasoned

__all__ = ["RIGHT_BOX", "Judge", "Judged"]

RIGHT_BOX = 0.5
"""IoU from which a pivot box holds the thing."""


@dataclass(frozen=True, slots=True)
class Judged:
    """``frame``: the thing is on the pivot frame; ``box``: the pivot box holds it. ``None``: not known."""

    frame: bool | None = None
    box: bool | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows the truth about one sentence.

    Attributes:
        truth: the masks.
        object: the number of what is meant, where ``truth`` are label maps.
    """

    truth: Truth
    object: int = 0

    @classmethod
    def of(cls, item: Item, query: str) -> Judge | None:
        """The judge of a query, if its truth is published."""
        (one,) = [one for one in item.references if query_ids(item)[one.id] == query]
        if one.truth is not None:
            return cls(one.truth)
        return cls(item.truth, one.object) if item.truth is not None and one.object else None

    def mask(self, video: VideoInfo, frame: int) -> NDArray[np.bool_] | None:
        """``(H, W)`` bool, ``None`` for a frame without truth.

        Raises:
            MediaError: the file is missing or damaged.
        """
        name = video.frame_names[frame]
        if name not in self.truth.frames:
            return None
        found = self.truth.read(name, (video.height, video.width))
        return np.equal(found, self.object) if self.object else found.astype(np.bool_)

    def judge(self, video: VideoInfo, clip: ClipReasoned) -> Judged:
        """Of several boxes their common hull is compared with that of everything that is meant."""
        if clip.frame is None or (mask := self.mask(video, clip.frame)) is None:
            return Judged()
        true = box(encode(mask))
        if true is None or not clip.pivots:
            return Judged(true is not None, true is None and not clip.pivots)
        hull = _hull([pivot.box for pivot in clip.pivots])
        return Judged(True, bool(overlaps(np.array(true), np.array([hull]))[0] >= RIGHT_BOX))


def _hull(boxes: list[Box]) -> Box:
    corners = np.array(boxes)
    return Box(*corners[:, :2].min(0), *corners[:, 2:].max(0))
