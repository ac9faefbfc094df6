"""Masks and label maps in PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.errors import MediaError

__all__ = ["read_colours", "read_labels", "read_mask"]


def read_mask(path: Path) -> NDArray[np.bool_]:
    """``(H, W)`` bool: where the PNG's value, palette index or any colour channel is not zero.

    Raises:
        MediaError: it is no image, or damaged.
    """
    foreground = _pixels(path).astype(np.bool_)
    return np.any(foreground, axis=2) if foreground.ndim == 3 else foreground


def read_labels(path: Path) -> NDArray[np.uint8]:
    """``(H, W)`` uint8: the numbers of a palette or grey PNG.

    Raises:
        MediaError: it is no image, damaged, or has colours instead of numbers.
    """
    pixels = _pixels(path)
    if pixels.ndim != 2 or pixels.max(initial=0) > 255:
        raise MediaError(
            f"{path} holds colours, not the numbers of objects.",
            hint="Save it as a palette or 8-bit grey PNG.",
        )
    return pixels.astype(np.uint8)


def read_colours(path: Path) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8 RGB, whatever the PNG holds.

    Raises:
        MediaError: it is no image, or damaged.
    """
    return np.asarray(_opened(path, "RGB"), np.uint8)


def _pixels(path: Path) -> NDArray[np.generic]:
    """As stored: numbers of a palette stay numbers; without an alpha channel."""
    return np.asarray(_opened(path, None))


def _opened(path: Path, mode: str | None) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert(mode or ("RGB" if image.mode in ("RGBA", "LA") else image.mode))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError(f"{path} cannot be read as an image.") from error
