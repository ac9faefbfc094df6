"""Small pictures for a report, cut from the overlay video of a run: what was masked, what was chosen, what is true."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from alref_local.errors import AlrefError
from alref_local.types import Image

__all__ = ["PICTURE", "THUMB", "jpeg", "outlined", "overlay_frames"]

THUMB, PICTURE = 168, 480
"""Longer sides in pixels."""


def overlay_frames(run: Path, frames: Iterable[int], size: tuple[int, int]) -> Iterator[tuple[int, Image]]:
    """Frames of a run's overlay, without the timeline under them; none where there is no overlay, or a damaged one.

    Args:
        run: the run folder.
        frames: which.
        size: ``(height, width)`` of the video.
    """
    from alref_local.media import open_video

    height, width = size
    try:
        with open_video(run / "overlay.mp4") as video:
            for frame, image in video.visit(sorted({one for one in frames if one < len(video)})):
                yield frame, image[:height, :width]
    except AlrefError:
        return


def outlined(image: Image, mask: NDArray[np.bool_]) -> Image:
    """A copy with the outline of a true mask in white, dark beside it."""
    if mask.shape != image.shape[:2]:
        return image
    picture = image.copy()
    inside = np.pad(mask, 1)
    core = inside[1:-1, 1:-1] & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    around = inside[:-2, 1:-1] | inside[2:, 1:-1] | inside[1:-1, :-2] | inside[1:-1, 2:]
    picture[around & ~mask] = 0
    picture[mask & ~core] = 255
    return picture


def jpeg(image: Image, longest: int) -> bytes:
    """``(H, W, 3)`` uint8 RGB as JPEG, its longer side at most ``longest``."""
    picture = Pil.fromarray(image)
    picture.thumbnail((longest, longest))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
