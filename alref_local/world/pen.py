"""A pen that records simple shapes in the unit square and draws them with a dark outline round the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from PIL import Image, ImageDraw

from alref_local.world.palette import INK, RGB, mix

Point = tuple[float, float]


class Part(NamedTuple):
    """A polygon, an oval given by two corners, or an open line with a width (share of the square)."""

    kind: str
    points: tuple[Point, ...]
    fill: RGB
    width: float = 0.0


@dataclass(slots=True)
class Pen:
    """Coordinates are x right, y down in 0..1; `colour` is the body's, `light` and `shade` follow from it."""

    colour: RGB
    ink: RGB = INK
    light: RGB = field(init=False)
    shade: RGB = field(init=False)
    _parts: list[Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.light = mix(self.colour, (255, 255, 255), 0.35)
        self.shade = mix(self.colour, INK, 0.35)

    def poly(self, points: Sequence[Point], fill: RGB | None = None) -> None:
        """A filled polygon."""
        self._parts.append(Part("polygon", tuple(points), fill or self.colour))

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: RGB | None = None) -> None:
        """A filled rectangle."""
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: RGB | None = None) -> None:
        """A filled ellipse round (x, y)."""
        self._parts.append(Part("oval", ((x - rx, y - ry), (x + rx, y + ry)), fill or self.colour))

    def line(self, points: Sequence[Point], width: float, fill: RGB | None = None) -> None:
        """A thick open line; `width` as a share of the square."""
        self._parts.append(Part("line", tuple(points), fill or self.colour, width))

    def draw(self, side: int, outline: float) -> Image.Image:
        """The drawing, RGBA, `side` x `side` pixels; `outline` is the outline's width in pixels."""
        margin = math.ceil(outline) + 1
        scale = side - 2 * margin
        image = Image.new("RGBA", (side, side), (*self.ink, 0))
        draw = ImageDraw.Draw(image)
        parts = [
            p._replace(
                points=tuple((margin + x * scale, margin + y * scale) for x, y in p.points),
                width=p.width * scale,
            )
            for p in self._parts
        ]
        for part in parts:
            _fill(draw, part._replace(fill=self.ink), outline)
        for part in parts:
            _fill(draw, part, 0.0)
        return image


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> list[Point]:
    """Points of an elliptic arc, angles in degrees clockwise from the right."""
    steps = max(6, round(abs(stop - start) / 10))
    angles = [math.radians(start + (stop - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def _fill(draw: ImageDraw.ImageDraw, part: Part, extra: float) -> None:
    """Draw one part, points in pixels, `extra` pixels fatter all round."""
    colour = (*part.fill, 255)
    if part.kind == "oval":
        (x0, y0), (x1, y1) = part.points
        draw.ellipse((x0 - extra, y0 - extra, x1 + extra, y1 + extra), fill=colour)
    elif part.kind == "line":
        _stroke(draw, part.points, part.width + 2 * extra, colour)
    else:
        draw.polygon(part.points, fill=colour)
        if extra:
            _stroke(draw, (*part.points, *part.points[:2]), 2 * extra, colour)


def _stroke(
    draw: ImageDraw.ImageDraw, pts: Sequence[Point], width: float, fill: tuple[int, int, int, int]
) -> None:
    draw.line(list(pts), fill=fill, width=max(1, round(width)), joint="curve")
    r = width / 2
    for x, y in (pts[0], pts[-1]):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)
