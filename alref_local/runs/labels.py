"""Label maps of what sounds (AVSS): which category of AVSBench-semantic is where, in its palette."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.masks import decode
from alref_local.metrics.avss import palette
from alref_local.runs.folder import RunFolder
from alref_local.seams import VideoReader
from alref_local.select.vocabulary import vocabulary
from alref_local.types import TargetResult

__all__ = ["label_map", "write_labels"]


def write_labels(folder: RunFolder, video: VideoReader, results: Sequence[TargetResult]) -> None:
    """Write ``labels/FRAME.png`` for every frame: palette PNGs whose numbers and colours are both AVSBench's."""
    for frame in range(len(video)):
        folder.add_labels(video.frame_name(frame), _png(label_map(results, frame, video.size)))


def label_map(results: Sequence[TargetResult], frame: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """``(H, W)`` uint8: the category of what sounds there, from 1; 0 where nothing does.

    A later thing covers an earlier one, as in the released code. What is not of the list is not shown.
    """
    names = vocabulary("avsbench")
    labels = np.zeros(size, np.uint8)
    for result in results:
        if result.listed:
            for track in result.tracks:
                labels[decode(track.masks[frame])] = names.index(result.listed) + 1
    return labels


def _png(labels: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(labels)
    image.putpalette(palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
