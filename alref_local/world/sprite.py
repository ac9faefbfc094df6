"""One object's picture: its drawing at any size, facing either way, cached."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.world import animals, things, vehicles
from alref_local.world.palette import CLASSES, COLOURS
from alref_local.world.pen import Pen

# The larger of the two is drawn first and then reduced, which smooths edges.
_SUPER: Final = 2
_MODULES: Final = (animals, vehicles, things)


@cache
def drawing(class_name: str) -> Callable[[Pen, float], None]:
    """The function that draws `class_name`."""
    found = [getattr(m, class_name) for m in _MODULES if hasattr(m, class_name)]
    if class_name not in CLASSES or not found:
        raise KeyError(class_name)
    draw: Callable[[Pen, float], None] = found[0]
    return draw


class Look(NamedTuple):
    """What varies between two objects of the same class and colour; drawn once per object."""

    proportion: float  # 0..1, handed to the drawing
    aspect: float  # width / height of the drawing's square
    tilt: float  # degrees, counter-clockwise
    light: float  # 0..1, strength of the shading from above
    weave: float  # period of the texture's stripes, share of the height
    slant: float  # direction of the stripes, -1..1
    tint: tuple[int, int, int]  # added to the body's colour


class Picture(NamedTuple):
    """`image` RGBA, `mask` bool (h, w), `area` the mask's number of pixels, `extent` its box, xyxy."""

    image: Image.Image
    mask: NDArray[np.bool_]
    area: int
    extent: tuple[int, int, int, int]

    @classmethod
    def of(cls, image: Image.Image) -> Picture:
        """The picture of an RGBA image: opaque from half coverage on."""
        mask = np.asarray(image.getchannel("A")) >= 128
        ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return cls(image, mask, int(mask.sum()), (int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1))


class Sprite:
    """Pictures of one object by size; `size` is the square root of the picture's width x height in pixels."""

    __slots__ = ("_large", "_scale", "_sizes")

    def __init__(self, class_name: str, colour: str, look: Look, largest: float) -> None:
        side = round(_SUPER * max(largest, 24.0) * 1.3)
        r, g, b = (min(255, max(0, c + d)) for c, d in zip(COLOURS[colour], look.tint, strict=True))
        pen = Pen((r, g, b))
        drawing(class_name)(pen, look.proportion)
        image = pen.draw(side, outline=0.028 * side)
        image = _shaded(image, look)
        wide = (round(side * look.aspect**0.5), round(side / look.aspect**0.5))
        image = image.resize(wide, Image.Resampling.BILINEAR)
        image = image.rotate(look.tilt, Image.Resampling.BILINEAR, expand=True)
        box = image.getchannel("A").point(lambda a: 255 if a >= 128 else 0).getbbox()
        self._large = image.crop(box)
        self._scale = 1 / (self._large.width * self._large.height) ** 0.5
        self._sizes: dict[tuple[int, bool], Picture] = {}

    def shape(self, size: float) -> tuple[float, float]:
        """(width, height) in pixels at `size`, before rounding."""
        return self._large.width * self._scale * size, self._large.height * self._scale * size

    def at(self, size: float, flipped: bool) -> Picture:
        """The picture at `size` (rounded to whole pixels), mirrored when `flipped`."""
        key = (round(size), flipped)
        if key not in self._sizes:
            w, h = (max(1, round(side)) for side in self.shape(key[0]))
            image = self._large.resize((w, h), Image.Resampling.BOX)
            if flipped:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            self._sizes[key] = Picture.of(image)
        return self._sizes[key]


def _shaded(image: Image.Image, look: Look) -> Image.Image:
    """Light from above and a faint woven texture; integer arithmetic, the same on every machine."""
    side = image.width
    y, x = np.arange(side)[:, None], np.arange(side)[None, :]
    period = max(4, round(look.weave * side))
    stripe = (y * 8 + x * round(8 * look.slant)) // 8 % period * 2 < period
    # In 128ths, so that the products fit 16 bits.
    gain = (128 + round(20 * look.light) - y * round(40 * look.light) // side - 10 * stripe).astype(np.uint16)
    rgba = np.array(image)
    rgba[..., :3] = np.minimum(rgba[..., :3] * gain[..., None] >> 7, 255)
    return Image.fromarray(rgba)
