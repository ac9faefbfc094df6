"""A pen that records simple shapes in the unit square and draws them with one dark outline round the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from alref_local.world.palette import INK, RGB, mix

Point = tuple[float, float]


@dataclass(slots=True)
class Pen:
    """Coordinates are x right, y down in 0..1; `colour` is the body's, `light` and `shade` are derived from it."""

    colour: RGB
    ink: RGB = INK
    light: RGB = field(init=False)
    shade: RGB = field(init=False)
    _parts: list[tuple[tuple[Point, ...], float, RGB]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.light = mix(self.colour, (255, 255, 255), 0.35)
        self.shade = mix(self.colour, INK, 0.35)

    def poly(self, points: Sequence[Point], fill: RGB | None = None) -> None:
        """A filled polygon."""
        self._parts.append((tuple(points), 0.0, fill or self.colour))

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: RGB | None = None) -> None:
        """A filled rectangle."""
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: RGB | None = None) -> None:
        """A filled ellipse round (x, y)."""
        self.poly(arc(x, y, rx, ry, 0, 360), fill)

    def line(self, points: Sequence[Point], width: float, fill: RGB | None = None) -> None:
        """A thick open line; `width` as a share of the square."""
        self._parts.append((tuple(points), width, fill or self.colour))

    def draw(self, side: int, outline: float) -> Image.Image:
        """The drawing as an RGBA image of `side` x `side` pixels; `outline` is the outline's width in pixels."""
        margin = math.ceil(outline) + 1
        scale = side - 2 * margin
        image = Image.new("RGBA", (side, side), (*self.ink, 0))
        ink = ImageDraw.Draw(image)
        parts = [([(margin + x * scale, margin + y * scale) for x, y in pts], width * scale, fill)
                 for pts, width, fill in self._parts]  # fmt: skip
        for pts, width, _ in parts:
            if not width:
                ink.polygon(pts, fill=(*self.ink, 255))
            closed = pts if width else [*pts, pts[0], pts[1]]
            _stroke(ink, closed, width + 2 * outline, (*self.ink, 255))
        for pts, width, fill in parts:
            if width:
                _stroke(ink, pts, width, (*fill, 255))
            else:
                ink.polygon(pts, fill=(*fill, 255))
        return image


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> list[Point]:
    """Points of an elliptic arc, angles in degrees clockwise from the right."""
    steps = max(6, round(abs(stop - start) / 10))
    angles = [math.radians(start + (stop - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def _stroke(ink: ImageDraw.ImageDraw, pts: Sequence[Point], width: float, fill: tuple[int, int, int, int]) -> None:
    ink.line(list(pts), fill=fill, width=max(1, round(width)), joint="curve")
    r = width / 2
    for x, y in (pts[0], pts[-1]):
        ink.ellipse((x - r, y - r, x + r, y + r), fill=fill)
