"""Backgrounds: textured but calm and greyish, so that outlined objects stand out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]


def _noise(rng: np.random.Generator, height: int, width: int, cell: int) -> NDArray[np.int32]:
    """Smooth noise in -128..127 with features of about `cell` pixels."""
    grid = rng.integers(0, 256, (height // cell + 2, width // cell + 2), dtype=np.uint8)
    image = Image.fromarray(grid).resize(
        ((width // cell + 2) * cell, (height // cell + 2) * cell), Image.Resampling.BILINEAR
    )
    return np.asarray(image)[:height, :width].astype(np.int32) - 128


def _pattern(rng: np.random.Generator, height: int, width: int, scale: int) -> NDArray[np.int32]:
    """One of several regular textures, values about -128..127."""
    y, x = np.arange(height, dtype=np.int32)[:, None], np.arange(width, dtype=np.int32)[None, :]
    period = int(rng.integers(scale // 24, scale // 10)) + 3
    style = int(rng.integers(5))
    if style == 0:  # planks
        return np.where((y % period < 2) | ((x + y // period * 37) % (5 * period) < 2), -128, 20) + 0 * x
    if style == 1:  # slanting stripes
        slant = int(rng.integers(-2, 3))
        return np.where((x + slant * y // 2) % (2 * period) < period, 60, -60)
    if style == 2:  # dots
        u, v = x % (2 * period) - period, y % (2 * period) - period
        return np.where(u * u + v * v < period * period // 4, 90, -20)
    if style == 3:  # tiles
        return np.where((x // period + y // period) % 2 == 0, 55, -55)
    return _noise(rng, height, width, max(2, period // 4))


def pan_room(size: tuple[int, int]) -> int:
    """Pixels by which the background of a frame of `size` is larger each way."""
    return round(0.15 * min(size))


def backdrop(rng: np.random.Generator, height: int, width: int) -> Bytes:
    """uint8 (height, width, 3): a dull colour, a horizon at times, a pattern and noise at three scales."""
    scale = min(height, width)
    base = int(rng.integers(100, 160)) + rng.integers(-16, 17, 3).astype(np.int32)
    image = np.empty((height, width, 3), np.int32)
    image[:] = base
    if rng.random() < 0.6:
        image[int(height * rng.uniform(0.35, 0.7)) :] += rng.integers(-26, 27) + rng.integers(-10, 11, 3)
    grain = _pattern(rng, height, width, scale) * int(rng.integers(6, 15))
    for share, strength in ((3, 22), (10, 14), (40, 10)):
        grain = grain + _noise(rng, height, width, max(2, scale // share)) * strength
    image += (grain // 128)[..., None]
    return np.clip(image, 40, 200).astype(np.uint8)
