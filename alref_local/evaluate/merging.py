"""Masks of several objects in one label map: the merge of DAVIS, which needs the segmentor's logits.

A run folder keeps binary masks. Where several objects of a group meet, the larger logit decides, so the logits are
overheard while the segmentor tracks, and the label maps are written before the run folder is declared complete.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.files import write_bytes
from alref_local.masks import decode
from alref_local.metrics import merge
from alref_local.metrics.avss import palette
from alref_local.seams import Segmentor, VideoReader
from alref_local.types import FrameMasks, MaskTrack, Prompt, TargetResult

__all__ = ["Groups", "Overheard", "label_map_path", "write_label_maps"]

Groups = Mapping[str, Sequence[tuple[str, int]]]
"""Queries that are merged: group -> ((query id, object number), ...)."""

Logits = NDArray[np.float32]
_ABSENT = np.float32(-64)
"""The logit where an object is not."""


class Overheard:
    """A ``Segmentor`` that passes on what another one yields, and keeps the video and the logits of the last pass."""

    def __init__(self, segmentor: Segmentor) -> None:
        self._segmentor = segmentor
        self._logits: dict[tuple[int, int], NDArray[np.float16]] = {}
        self.video: VideoReader | None = None

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        """As the segmentor that is overheard."""
        self.video = video
        self._logits.clear()
        for masks in self._segmentor.track(video, prompts):
            for track_id, logits in zip(masks.track_ids, masks.logits, strict=True):
                self._logits[track_id, masks.frame] = logits.copy()
            yield masks

    def logits(self, track: MaskTrack, frame: int) -> Logits:
        """``(H, W)`` logits of a track on a frame, positive exactly where its mask is.

        They are 1 inside and -64 outside where the last pass did not make the mask: an earlier one was kept by a
        second look, or the object score emptied it.
        """
        mask = decode(track.masks[frame])
        small = self._logits.get((track.track_id, frame))
        if small is not None:
            logits = _enlarged(small, track.size)
            if np.array_equal(logits > 0, mask):
                return logits
        return np.where(mask, np.float32(1), _ABSENT)


def write_label_maps(
    folder: Path, results: Sequence[TargetResult], groups: Groups, heard: Overheard, background: float
) -> None:
    """Write a palette PNG for each group and frame into the run folder of an item; none if nothing was tracked.

    Args:
        folder: the run folder.
        results: of all queries.
        groups: which of them are merged.
        heard: the logits.
        background: the background's level (see ``metrics.merge``).
    """
    if (video := heard.video) is None:
        return
    tracks = {result.query.id: result.tracks for result in results}
    for group, members in groups.items():
        numbers = np.array([0, *(number for _, number in members)], np.uint8)
        for frame in range(len(video)):
            stack = np.full((len(members), *video.size), _ABSENT)
            for plane, (query, _) in zip(stack, members, strict=True):
                for track in tracks[query]:
                    np.maximum(plane, heard.logits(track, frame), out=plane)
            labels = numbers[merge(stack, background)]
            write_bytes(label_map_path(folder, group, video.frame_name(frame)), _png(labels))


def label_map_path(folder: Path, group: str, frame: str) -> Path:
    """Where the label map of a frame is, in the run folder of an item."""
    return folder / "merged" / group / f"{frame}.png"


def _enlarged(logits: NDArray[np.float16], size: tuple[int, int]) -> Logits:
    """As ``perceive.masks.binarize`` enlarges them."""
    import torch
    from torch.nn.functional import interpolate

    small = torch.from_numpy(logits.astype(np.float32))[None, None]
    large: Logits = interpolate(small, size, mode="bilinear", align_corners=False)[0, 0].numpy()
    return large


def _png(labels: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(labels)
    image.putpalette(palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
