"""Who sounds when, as a strip to put under a picture: a row for each thing, and a cursor that moves with the video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from alref_local.types import Image, Spans

__all__ = ["MOST", "Row", "Timeline"]

MOST: Final = 8
"""Rows that are drawn."""

_GROUND = (24, 24, 24)
_SILENT = (60, 60, 60)
_NAMES = 0.22  # of the width
_CURSOR = 255


class Row(NamedTuple):
    """A thing: its name, its colour as RGB, and the seconds in which it sounds."""

    name: str
    colour: tuple[int, int, int]
    when: Spans


class Timeline:
    """Draws everything but the cursor once.

    Args:
        rows: at least one; the first ``MOST`` are drawn.
        seconds: how long the video lasts, more than 0.
        width: of the video in pixels.
    """

    def __init__(self, rows: Sequence[Row], seconds: float, width: int) -> None:
        self._seconds = seconds
        text = min(max(9, width // 40), 32)
        self._row = round(text * 1.4)
        self._left: int = round(width * _NAMES)
        self._span = max(1, width - self._left - max(2, text // 4))
        self._strip = self._drawn(rows[:MOST], width, text)

    @property
    def height(self) -> int:
        """Of the strip, in pixels."""
        return len(self._strip)

    def at(self, seconds: float) -> Image:
        """``(height, width, 3)`` uint8 RGB: the strip with the cursor at this time."""
        strip, place = self._strip.copy(), self._place(seconds)
        strip[:, place : place + max(2, self._row // 6)] = _CURSOR
        return strip

    def _place(self, seconds: float) -> int:
        """Column of a time."""
        share = min(max(seconds / self._seconds, 0.0), 1.0)
        return self._left + round(share * (self._span - 1))

    def _drawn(self, rows: Sequence[Row], width: int, text: int) -> Image:
        canvas = Pil.new("RGB", (width, self._row * len(rows)), _GROUND)
        pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=text)
        gap = max(1, self._row // 6)
        for number, row in enumerate(rows):
            top, bottom = number * self._row + gap, (number + 1) * self._row - gap - 1
            pen.rectangle((self._left, top, self._place(self._seconds), bottom), fill=_SILENT)
            for start, stop in row.when:
                if stop > 0 and start < self._seconds:
                    pen.rectangle((self._place(start), top, self._place(stop), bottom), fill=row.colour)
            pen.text(
                (gap + text // 4, number * self._row + self._row / 2),
                _shortened(row.name, font, self._left - 2 * gap - text // 4),
                font=font,
                fill="white",
                anchor="lm",
            )
        return np.array(canvas)


def _shortened(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> str:
    """As much of a name as fits into ``room`` pixels."""
    shown = name
    while len(shown) > 1 and font.getlength(shown) > room:
        shown = shown[:-2].rstrip() + "…"
    return shown
