"""Small pictures for a report, cut from the overlay video of a run: what was masked, what was chosen, what is true."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from alref_local.errors import AlrefError
from alref_local.types import Image

__all__ = ["PICTURE", "THUMB", "Overlay", "jpeg", "outlined", "read_overlay"]

THUMB, PICTURE = 168, 480
"""Longer sides in pixels."""


class Overlay(NamedTuple):
    """Some frames of a run's overlay, without the timeline under them.

    ``times`` are the seconds at which all its frames begin, and its end, where its rate varies; empty where not.
    """

    frames: dict[int, Image]
    times: tuple[float, ...] = ()


def read_overlay(run: Path, frames: Iterable[int], size: tuple[int, int]) -> Overlay:
    """What a page shows of a run's overlay; no frames where there is no overlay, or up to where it is damaged.

    Args:
        run: the run folder.
        frames: which.
        size: ``(height, width)`` of the video.
    """
    from alref_local.media import open_video
    from alref_local.media.encode import is_even

    height, width = size
    found: dict[int, Image] = {}
    begins: tuple[float, ...] = ()
    try:
        with open_video(run / "overlay.mp4") as video:
            times = video.timestamps()
            if not is_even(times, video.fps):
                begins = tuple(np.append(times, times[-1] + 1 / video.fps).round(4).tolist())
            for frame, image in video.visit(sorted({one for one in frames if one < len(video)})):
                found[frame] = image[:height, :width]
    except AlrefError:
        pass
    return Overlay(found, begins)


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
