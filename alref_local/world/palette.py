"""Names, colours and sizes of the drawn world."""

from __future__ import annotations

from typing import Final

RGB = tuple[int, int, int]

CLASSES: Final[tuple[str, ...]] = (
    "dog", "cat", "bird", "frog", "car", "train", "boat", "plane",
    "drum", "bell", "guitar", "clock", "ball", "star",
)  # fmt: skip

COLOURS: Final[dict[str, RGB]] = {
    "red": (222, 40, 38),
    "green": (36, 176, 58),
    "blue": (36, 92, 226),
    "yellow": (250, 208, 24),
    "purple": (150, 44, 190),
    "white": (246, 246, 246),
}

# Square root of the box's width x height, as a share of the frame's shorter side (landscape: its height).
SIZES: Final[dict[str, tuple[float, float]]] = {"small": (0.14, 0.20), "large": (0.28, 0.40)}

INK: Final[RGB] = (24, 20, 28)
PAPER: Final[RGB] = (250, 248, 240)
GLASS: Final[RGB] = (176, 214, 232)
BRASS: Final[RGB] = (236, 150, 40)
WOOD: Final[RGB] = (150, 98, 54)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """`a` moved towards `b` by `share` in 0..1."""
    r, g, bl = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return r, g, bl
