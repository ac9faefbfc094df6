"""Scenery: posts, walls, bushes and clouds in dull colours that can hide objects."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from alref_local.world.palette import RGB, mix
from alref_local.world.pen import Pen
from alref_local.world.sprite import Picture

_DULL: Final[dict[str, RGB]] = {
    "post": (122, 104, 88),
    "wall": (128, 116, 112),
    "bush": (92, 108, 80),
    "cloud": (158, 164, 172),
}
SCENERY: Final[tuple[str, ...]] = tuple(_DULL)


def scenery(kind: str, width: int, height: int, rng: np.random.Generator) -> Picture:
    """A piece of scenery that fills `width` x `height` pixels."""
    r, g, b = (int(c + d) for c, d in zip(_DULL[kind], rng.integers(-14, 15, 3), strict=True))
    pen = Pen((r, g, b), ink=mix((r, g, b), (0, 0, 0), 0.4))
    if kind in ("post", "wall"):
        _masonry(pen, kind, width / height)
    else:
        _foliage(pen, rng)
    side = 2 * max(width, height)
    image = pen.draw(side, outline=2.0)
    box = image.getchannel("A").getbbox()
    image = image.crop(box).resize((width, height), Image.Resampling.BOX)
    return Picture.of(image)


def _masonry(pen: Pen, kind: str, aspect: float) -> None:
    pen.box(0, 0, 1, 1)
    rows = 8 if kind == "post" else 5
    for i in range(1, rows):
        pen.line([(0, i / rows), (1, i / rows)], 0.015, pen.shade)
    if kind == "wall":
        columns = max(2, round(rows * aspect / 2))
        for i in range(rows):
            for j in range(columns):
                x = (j + (0.25 if i % 2 else 0.75)) / columns
                pen.line([(x, i / rows), (x, (i + 1) / rows)], 0.015, pen.shade)
    else:
        pen.box(0.62, 0, 1, 1, pen.shade)


def _foliage(pen: Pen, rng: np.random.Generator) -> None:
    lumps = [(0.2, 0.35), (0.5, 0.22), (0.8, 0.35), (0.2, 0.72), (0.5, 0.8), (0.8, 0.72)]
    pen.box(0.1, 0.2, 0.9, 0.85)
    for x, y in lumps:
        pen.oval(x, y, 0.2, 0.2)
    for x, y in lumps:
        dx, dy = rng.uniform(-0.06, 0.06, 2)
        pen.oval(
            x + dx,
            y + dy,
            0.12,
            0.1,
            mix(pen.colour, pen.light, 0.4) if rng.random() < 0.5 else mix(pen.colour, pen.shade, 0.4),
        )
