"""Masks for people to look at: tinted video, stills, and cut-outs with alpha."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from alref_local.media.encode import VideoWriter
from alref_local.media.samples import Samples
from alref_local.media.timeline import Timeline
from alref_local.types import Image

__all__ = ["OverlayWriter", "cutout", "draw", "track_colour"]

_OPACITY = 0.45
_GOLDEN = 0.618033988749895  # steps of the golden ratio keep neighbouring hues apart for any number of tracks
_FIRST_HUE = 0.58
_LABEL_LIMIT = 48


class _Region(NamedTuple):
    """Bounding box of a mask, end exclusive."""

    y0: int
    y1: int
    x0: int
    x1: int


def draw(frame: Image, masks: Mapping[int, NDArray[np.bool_]], labels: Mapping[int, str]) -> Image:
    """A copy of ``(H, W, 3)`` with every track's mask tinted, outlined and, where it has a label, named.

    Args:
        frame: uint8 RGB.
        masks: ``(H, W)`` bool by track id; empty ones draw nothing.
        labels: text by track id; long ones are shortened.
    """
    picture = frame.copy()
    line = max(1, round(min(frame.shape[:2]) / 240))
    regions = {track: region for track, mask in masks.items() if (region := _region(mask)) is not None}
    for track, (y0, y1, x0, x1) in regions.items():
        inside = masks[track][y0:y1, x0:x1]
        outline = inside & ~_eroded(inside, line)
        for channel, level in enumerate(track_colour(track)):
            part = picture[y0:y1, x0:x1, channel]
            np.copyto(part, _tint(level)[part], where=inside)
            np.copyto(part, np.uint8(level), where=outline)
    if not any(labels.get(track) for track in regions):
        return picture
    canvas = Pil.fromarray(picture)
    for track, region in regions.items():
        if text := labels.get(track):
            _write_label(canvas, text, track_colour(track), region)
    return np.array(canvas)


def track_colour(track_id: int) -> tuple[int, int, int]:
    """RGB of a track: the same in every frame and every run."""
    red, green, blue = colorsys.hsv_to_rgb((_FIRST_HUE + track_id * _GOLDEN) % 1.0, 0.85, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def cutout(frame: Image, mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """``(H, W, 4)`` uint8 RGBA: the object opaque, everything else transparent black."""
    alpha = mask.astype(np.uint8)
    return np.dstack([frame * alpha[..., None], alpha * 255])


class OverlayWriter:
    """Context manager that writes ``draw`` of each frame to an H.264 .mp4 that browsers play.

    The file appears under its name only when the block ends well. Errors are those of ``VideoWriter``.

    Args:
        path: ends in .mp4; its folder must exist.
        size: ``(height, width)`` of the frames.
        fps: frames per second.
        sound: the video's own, as for ``VideoWriter``.
        timeline: goes under the picture.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: float,
        *,
        sound: Iterable[Samples] | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        height, width = size
        self._timeline, self._fps, self._written = timeline, fps, 0
        whole = (height + (timeline.height if timeline else 0), width)
        self._writer = VideoWriter(path, whole, fps, sound=sound)

    def write(
        self,
        frame: Image,
        masks: Mapping[int, NDArray[np.bool_]],
        labels: Mapping[int, str],
        time: float | None = None,
    ) -> None:
        """Append one frame; arguments as in ``draw``, and ``time`` as in ``VideoWriter.write``."""
        picture = draw(frame, masks, labels)
        if self._timeline is not None:
            now = self._written / self._fps if time is None else time
            picture = np.concatenate([picture, self._timeline.at(now)])
        self._writer.write(picture, time)
        self._written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)


@lru_cache(maxsize=256)
def _tint(level: int) -> NDArray[np.uint8]:
    """Table from a channel's value to its value under a translucent layer of ``level``."""
    table: NDArray[np.uint8] = np.rint(np.arange(256) * (1 - _OPACITY) + level * _OPACITY).astype(np.uint8)
    return table


def _region(mask: NDArray[np.bool_]) -> _Region | None:
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return _Region(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def _eroded(mask: NDArray[np.bool_], times: int) -> NDArray[np.bool_]:
    """The mask without its outermost pixels, ``times`` over; beyond the array counts as outside."""
    core = np.pad(mask, 1)
    for _ in range(times):
        core[1:-1, 1:-1] &= core[:-2, 1:-1] & core[2:, 1:-1] & core[1:-1, :-2] & core[1:-1, 2:]
    return core[1:-1, 1:-1]


def _write_label(canvas: Pil.Image, text: str, colour: tuple[int, int, int], region: _Region) -> None:
    """Put the label above the mask, moved inside the picture."""
    sprite = _label(text, colour, min(max(11, canvas.height // 36), 48), canvas.width)
    x = min(max(region.x0, 0), canvas.width - sprite.width)
    y = min(max(region.y0 - sprite.height - 2, 0), max(0, canvas.height - sprite.height))
    canvas.paste(sprite, (x, y), sprite)


@lru_cache(maxsize=256)
def _label(text: str, colour: tuple[int, int, int], size: int, room: int) -> Pil.Image:
    """RGBA sprite: white text on a dark plate with the track's colour at its left, at most ``room`` wide."""
    font = ImageFont.load_default(size=size)
    pad = max(2, size // 4)
    shown = text if len(text) <= _LABEL_LIMIT else text[: _LABEL_LIMIT - 1].rstrip() + "…"
    while len(shown) > 1 and font.getlength(shown) + 4 * pad > room:
        shown = shown[:-2].rstrip() + "…"
    width, height = int(font.getlength(shown)) + 4 * pad, round(size * 1.2) + pad
    sprite = Pil.new("RGBA", (min(width, room), height), (0, 0, 0, 170))
    pen = ImageDraw.Draw(sprite)
    pen.rectangle((0, 0, pad, height), fill=colour)
    pen.text((2 * pad, height / 2), shown, font=font, fill="white", anchor="lm")
    return sprite
