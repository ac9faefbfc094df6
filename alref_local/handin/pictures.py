"""One picture out of an archive that may come from anybody: what its pixels are, or what is wrong with it."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from typing import Final, Literal

from PIL import Image

__all__ = ["pixel_values"]

_MODES: Final = {
    "L": "8-bit grey",
    "P": "of palette colours",
    "1": "1-bit",
    "I": "16-bit grey",
    "I;16": "16-bit grey",
}
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
"""What `zipfile` raises on entries that are damaged, encrypted or packed in a way that it does not know."""


def pixel_values(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, mode: Literal["L", "P"], size: tuple[int, int]
) -> tuple[int, ...] | str:
    """All values of a picture's pixels, or why it is not what it should be, as the end of a sentence.

    Nothing is unpacked beyond what a picture of that size can take.

    Args:
        archive: open for reading.
        info: which entry.
        mode: the picture's, as Pillow names it.
        size: ``(height, width)`` of the video.
    """
    most = 2 * size[0] * size[1] + 65_536
    if info.file_size > most:
        return f"takes {info.file_size:,} bytes, more than a mask of {_shown(size)} can"
    try:
        with archive.open(info) as file:
            data = file.read(most + 1)
    except _BROKEN:
        return "is damaged in the archive"
    return _values(data, mode, size)


def _values(data: bytes, mode: str, size: tuple[int, int]) -> tuple[int, ...] | str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=("PNG",))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return f"is far larger than its video, {_shown(size)}"
    except (OSError, SyntaxError, ValueError):
        return "is no PNG picture"
    with image:
        if image.mode != mode:
            return f"is {_MODES.get(image.mode, image.mode)}, not {_MODES[mode]}"
        if (found := (image.height, image.width)) != size:
            return f"is {_shown(found)}, but its video {_shown(size)}"
        try:
            histogram = image.histogram()
        except (OSError, SyntaxError, ValueError):
            return "is a damaged PNG picture"
    return tuple(value for value, count in enumerate(histogram) if count)


def _shown(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
