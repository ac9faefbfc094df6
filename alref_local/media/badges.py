"""Numbered badges on panels: where they go so that none covers another, and how they look.

Released: a blue disc at the top left carries the frame's id; each candidate's disc sits in the bottom right
corner of its box. There the badges of nested boxes may cover each other; here they move.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from alref_local.types import Box

__all__ = ["BOX_COLOUR_NAMES", "badge_boxes", "badge_image", "box_colour", "id_badge_box"]

_COLOURS: dict[str, tuple[int, int, int]] = {
    "green": (0, 160, 0),
    "pink": (255, 0, 255),
    "orange": (255, 140, 0),
    "blue": (0, 0, 255),
    "red": (255, 0, 0),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "purple": (128, 0, 160),
    "brown": (140, 70, 20),
}
BOX_COLOUR_NAMES: tuple[str, ...] = tuple(_COLOURS)
"""Names of the box colours in the order of the box numbers, as prompts say them (released: the first six)."""

_ID_SHARE, _ID_FLOOR = 0.1, 20  # diameter as a share of the panel's shorter side, and at least so many pixels
_BOX_SHARE, _BOX_FLOOR = 0.09, 16
_CEILING = 0.45  # no badge takes more of the shorter side than this
_HIDING = 0.2  # a badge that hides less than this of a box does no harm
_SUPERSAMPLING = 4


def box_colour(number: int) -> tuple[int, int, int]:
    """RGB of the box with this 1-based number; the colours repeat when they run out."""
    return _COLOURS[BOX_COLOUR_NAMES[(number - 1) % len(BOX_COLOUR_NAMES)]]


def id_badge_box(size: tuple[int, int], id: int) -> Box:
    """Square of the frame's badge, top left, on a panel of ``size`` ``(height, width)``."""
    diameter = _diameter(size, _ID_SHARE, _ID_FLOOR, len(str(id)))
    inset = round(0.02 * min(size))
    return Box(inset, inset, inset + diameter, inset + diameter)


def badge_boxes(size: tuple[int, int], boxes: Sequence[Box], *, id: int) -> tuple[Box, ...]:
    """Squares of the candidates' badges, in the order of ``boxes`` (panel pixels).

    All have one size. They lie inside the panel and touch neither each other nor the frame's badge; a badge
    prefers the bottom right corner inside its box, then other corners, outside ones where the badge would
    hide much of a box, then the nearest free place. They shrink if there is no room otherwise.
    """
    clipped = np.array([_clipped(box, size) for box in boxes], np.int64).reshape(-1, 4)
    largest = _diameter(size, _BOX_SHARE, _BOX_FLOOR, len(str(len(boxes))))
    for diameter in range(largest, 0, -1):
        corners = _placed(size, clipped, id_badge_box(size, id), diameter)
        if corners is not None:
            return tuple(Box(x, y, x + diameter, y + diameter) for x, y in corners)
    raise ValueError(f"{len(boxes)} badges do not fit on {size[0]}x{size[1]} pixels")


def _diameter(size: tuple[int, int], share: float, floor: int, digits: int) -> int:
    wanted = max(floor, round(share * min(size))) * (1 + 0.25 * (digits - 1))
    return max(1, int(min(wanted, _CEILING * min(size))))


def _clipped(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Whole pixels inside the panel, at least one each way."""
    height, width = size
    x0, y0 = min(max(int(box.x0), 0), width - 1), min(max(int(box.y0), 0), height - 1)
    return x0, y0, min(max(round(box.x1), x0 + 1), width), min(max(round(box.y1), y0 + 1), height)


def _placed(
    size: tuple[int, int], boxes: NDArray[np.int64], id_badge: Box, diameter: int
) -> list[tuple[int, int]] | None:
    """Top left corners of badges of this size, or None if one finds no place; small boxes choose first."""
    taken = [np.array(id_badge, np.int64)]
    corners: dict[int, tuple[int, int]] = {}
    everywhere = _lattice(size, diameter)
    for number in np.argsort(
        (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), kind="stable"
    ).tolist():
        own = _corners(boxes[number], diameter, size)
        spots = np.concatenate([own, everywhere])
        away = np.abs(spots - own[0]).max(axis=1) / min(size)
        rank = np.where(np.arange(len(spots)) < len(own), np.arange(len(spots)), len(own) + 30 * away)
        squares = np.concatenate([spots, spots + diameter], axis=1)
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        hidden = (_overlap(squares, boxes) / areas).max(axis=1)
        free = ~(_overlap(squares, np.array(taken)) > 0).any(axis=1)
        if not free.any():
            return None
        best = int(np.argmin(np.where(free, rank + 6 * (hidden // _HIDING), np.inf)))
        taken.append(squares[best])
        corners[number] = (int(spots[best, 0]), int(spots[best, 1]))
    return [corners[number] for number in range(len(boxes))]


def _corners(box: NDArray[np.int64], d: int, size: tuple[int, int]) -> NDArray[np.int64]:
    """``(12, 2)`` places at a box's corners: four inside, bottom right first, then eight outside."""
    x0, y0, x1, y1 = box.tolist()
    inside = [(x1 - d, y1 - d), (x0, y1 - d), (x1 - d, y0), (x0, y0)]
    beside = [(x1, y1 - d), (x0 - d, y1 - d), (x1, y0), (x0 - d, y0)]
    above_below = [(x1 - d, y1), (x0, y1), (x1 - d, y0 - d), (x0, y0 - d)]
    places = np.array(inside + beside + above_below, np.int64)
    inner: NDArray[np.int64] = np.minimum(np.maximum(places, 0), np.array([size[1] - d, size[0] - d]))
    return inner


def _lattice(size: tuple[int, int], diameter: int) -> NDArray[np.int64]:
    """``(m, 2)`` places all over the panel, a quarter of a badge apart."""
    step = max(1, diameter // 4)
    ys, xs = np.arange(0, size[0] - diameter + 1, step), np.arange(0, size[1] - diameter + 1, step)
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)


def _overlap(squares: NDArray[np.int64], boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(m, n)`` areas that ``(m, 4)`` and ``(n, 4)`` boxes share."""
    low = np.maximum(squares[:, None, :2], boxes[None, :, :2])
    high = np.minimum(squares[:, None, 2:], boxes[None, :, 2:])
    shared: NDArray[np.int64] = np.maximum(high - low, 0).prod(axis=2)
    return shared


@lru_cache(maxsize=256)
def badge_image(text: str, colour: tuple[int, int, int], diameter: int) -> Pil.Image:
    """``(diameter, diameter)`` RGBA disc with a white rim and a number, black on light colours, else white."""
    side = diameter * _SUPERSAMPLING
    rim = max(1, round(0.07 * side))
    image = Pil.new("RGBA", (side, side), (255, 255, 255, 0))
    pen = ImageDraw.Draw(image)
    pen.ellipse((0, 0, side - 1, side - 1), fill="white")
    pen.ellipse((rim, rim, side - 1 - rim, side - 1 - rim), fill=colour)
    light = np.dot(colour, (0.299, 0.587, 0.114)) > 160
    font = ImageFont.load_default(size=side * (0.78 if len(text) == 1 else 0.62 * 2 / len(text)))
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    at = ((side - left - right) / 2, (side - top - bottom) / 2)
    pen.text(at, text, font=font, fill="black" if light else "white", stroke_width=side / 60)
    return image.resize((diameter, diameter), Pil.Resampling.BOX)
