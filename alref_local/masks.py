"""Binary masks as COCO run-length encodings, and mask tracks built up frame by frame.

An RLE takes a few hundred bytes where its mask takes a megabyte, so the tracks of a long video fit in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from alref_local.types import Box, MaskTrack, Rle

__all__ = [
    "Mask",
    "TrackBuilder",
    "area",
    "box",
    "decode",
    "empty",
    "encode",
    "encode_stack",
    "jaccard",
    "union",
]

Mask = NDArray[np.bool_]
"""``(H, W)`` bool, or a stack of them."""


def encode(mask: Mask) -> Rle:
    """``(H, W)`` bool -> RLE."""
    return encode_stack(mask[None])[0]


def encode_stack(masks: Mask) -> tuple[Rle, ...]:
    """``(n, H, W)`` bool -> ``n`` RLEs."""
    if masks.ndim != 3 or masks.dtype != np.bool_:
        raise ValueError(f"masks must be (n, H, W) bool, not {masks.shape} {masks.dtype}")
    # pycocotools reads (H, W, n) in Fortran order, which lets it walk columns without a stride.
    columns = np.asfortranarray(masks.transpose(1, 2, 0).view(np.uint8))
    return tuple(_from_coco(rle) for rle in coco.encode(columns))


def decode(rle: Rle) -> Mask:
    """RLE -> ``(H, W)`` bool, C order."""
    return np.ascontiguousarray(coco.decode(_to_coco(rle))).view(np.bool_)


def area(rle: Rle) -> int:
    """Number of foreground pixels."""
    return int(coco.area(_to_coco(rle)))


def union(rles: Sequence[Rle]) -> Rle:
    """Pixels of any of the masks, which share one size; at least one mask."""
    if len({rle.size for rle in rles}) != 1:
        raise ValueError("union needs at least one mask, and masks of one size")
    if len(rles) == 1:
        return rles[0]
    return _from_coco(coco.merge([_to_coco(rle) for rle in rles], intersect=False))


def jaccard(ours: Sequence[Rle], theirs: Sequence[Rle]) -> NDArray[np.float64]:
    """``(n,)`` J of ``n`` masks with as many others of the same size, one by one; 1 where both are empty."""
    found = np.empty(len(ours))
    for place, pair in enumerate(zip(ours, theirs, strict=True)):
        both = [_to_coco(rle) for rle in pair]
        either = int(coco.area(coco.merge(both, intersect=False)))
        found[place] = int(coco.area(coco.merge(both, intersect=True))) / either if either else 1.0
    return found


def box(rle: Rle) -> Box | None:
    """Tight box of the foreground, right and bottom edge exclusive; ``None`` if the mask is empty."""
    if area(rle) == 0:
        return None
    x, y, width, height = (float(value) for value in coco.toBbox(_to_coco(rle)))
    return Box(x, y, x + width, y + height)


@lru_cache(maxsize=8)
def empty(size: tuple[int, int]) -> Rle:
    """The mask without foreground."""
    return encode(np.zeros(size, np.bool_))


class TrackBuilder:
    """Collects the masks of a video's tracks in whatever order the segmentor yields them.

    Args:
        n_frames: length of the video.
        size: ``(height, width)`` of the video.
        track_ids: tracks to expect, so that one which is never seen still comes out, empty.
    """

    def __init__(self, n_frames: int, size: tuple[int, int], track_ids: Sequence[int] = ()) -> None:
        self._n_frames = n_frames
        self._size = size
        self._masks: dict[int, list[Rle]] = {}
        self._scores: dict[int, list[float]] = {}
        for track_id in track_ids:
            self._open(track_id)

    def add(
        self, frame: int, track_ids: Sequence[int], masks: Mask, object_score: NDArray[np.floating[Any]]
    ) -> None:
        """Take one frame of ``n`` tracks.

        Args:
            frame: frame number.
            track_ids: ``n`` track ids.
            masks: ``(n, H, W)`` bool at video size.
            object_score: ``(n,)`` logits, as in `FrameMasks`.
        """
        if not 0 <= frame < self._n_frames:
            raise IndexError(f"frame {frame} of a video of {self._n_frames} frames")
        if masks.shape != (len(track_ids), *self._size) or object_score.shape != (len(track_ids),):
            raise ValueError(f"{len(track_ids)} tracks at {self._size}, but masks {masks.shape}")
        probabilities = 1.0 / (1.0 + np.exp(-np.clip(object_score.astype(np.float64), -60, 60)))
        for track_id, rle, score in zip(track_ids, encode_stack(masks), probabilities, strict=True):
            self._open(track_id)
            self._masks[track_id][frame] = rle
            self._scores[track_id][frame] = float(score)

    def tracks(self) -> tuple[MaskTrack, ...]:
        """Every track by rising id, with an RLE for every frame; frames never added are empty, score 0."""
        return tuple(
            MaskTrack(track_id, self._size, tuple(self._masks[track_id]), tuple(self._scores[track_id]))
            for track_id in sorted(self._masks)
        )

    def _open(self, track_id: int) -> None:
        if track_id not in self._masks:
            self._masks[track_id] = [empty(self._size)] * self._n_frames
            self._scores[track_id] = [0.0] * self._n_frames


def _to_coco(rle: Rle) -> dict[str, Any]:
    return {"size": list(rle.size), "counts": rle.counts}


def _from_coco(rle: dict[str, Any]) -> Rle:
    height, width = rle["size"]
    return Rle((int(height), int(width)), bytes(rle["counts"]))
