"""Frame folders (and single images) as videos."""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageOps

from alref_local.errors import ConfigError, MediaError
from alref_local.media.reader import MAX_FRAMES, MAX_PIXELS, Reader
from alref_local.types import Image

__all__ = ["FrameFolder", "is_image", "read_image"]

_KINDS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
_FORMATS = ("JPEG", "PNG", "WEBP")
_ORIENTATION = 0x0112  # the EXIF tag; values from 5 on swap width and height
_SWAPS = range(5, 9)
_log = logging.getLogger(__name__)


def is_image(path: Path) -> bool:
    """Whether a file's name says that it is a frame."""
    return path.suffix.lower() in _KINDS and not path.name.startswith(".")


def read_image(path: Path) -> Image:
    """``(H, W, 3)`` uint8 RGB; a JPEG is turned as its EXIF orientation says.

    Raises:
        MediaError: missing, not a JPEG, PNG or WebP image, damaged, or above ``MAX_PIXELS``.
    """
    _image_size(path)
    return _decoded(path)


class FrameFolder(Reader):
    """The images of one folder in natural order (``2.jpg`` before ``10.jpg``), all of one size.

    Where a folder mixes kinds (frames as JPEG, masks as PNG), the kind with most files is the video and
    ``warning`` says so. Each frame is read from disk when it is asked for.

    Args:
        path: a folder, or one image: a video of one frame.
        fps: frames per second; a folder cannot say.

    Raises:
        ConfigError: ``fps`` is not above 0.
        MediaError: no image, or an image that is unreadable, too large, or of another size than the first.
    """

    def __init__(self, path: Path, *, fps: float = 24.0) -> None:
        if not 0 < fps < math.inf:
            raise ConfigError(
                f"A frame rate of {fps:g} makes no sense.", hint="Give frames per second above 0."
            )
        self.name = path.name if path.is_dir() else path.stem
        self.fps = fps
        self._paths, self.warning = _frame_paths(path) if path.is_dir() else ([path], "")
        if self.warning:
            _log.warning("%s", self.warning)
        self.size = _image_size(self._paths[0])
        for other in self._paths[1:]:
            if (size := _image_size(other)) != self.size:
                raise MediaError(
                    f"The frames of {path} differ in size: {self._paths[0].name} is {_shown(self.size)}, "
                    f"{other.name} is {_shown(size)}.",
                    hint="A frame folder holds the frames of one video, all of one size.",
                )

    def __len__(self) -> int:
        return len(self._paths)

    def timestamps(self) -> NDArray[np.float64]:
        return np.arange(len(self), dtype=np.float64) / self.fps

    def frame_name(self, index: int) -> str:
        return self._paths[index].stem

    def visit(self, indices: Sequence[int]) -> Iterator[tuple[int, Image]]:
        return ((index, _decoded(self._paths[index])) for index in indices)

    def close(self) -> None:
        """Nothing is held open."""


def _frame_paths(folder: Path) -> tuple[list[Path], str]:
    """The frames of a folder in natural order, and a warning about what was left out."""
    try:
        entries = [entry for entry in folder.iterdir() if entry.is_file()]
    except OSError as error:
        raise MediaError(f"The folder {folder} cannot be read.", hint="Check its permissions.") from error
    kinds: dict[str, list[Path]] = {}
    for entry in filter(is_image, entries):
        kinds.setdefault(_KINDS[entry.suffix.lower()], []).append(entry)
    if not kinds:
        what = "holds no frames" if entries else "is empty"
        raise MediaError(
            f"The folder {folder} {what}.", hint="Name a video file, or a folder of jpg, png or webp frames."
        )
    kind = max(sorted(kinds), key=lambda kind: len(kinds[kind]))
    paths = sorted(kinds[kind], key=_natural)
    stems = Counter(path.stem for path in paths)
    if len(stems) < len(paths):
        raise MediaError(
            f"The folder {folder} has two frames named {stems.most_common(1)[0][0]}.",
            hint="Give every frame its own name.",
        )
    if len(paths) > MAX_FRAMES:
        raise MediaError(f"The folder {folder} holds more than {MAX_FRAMES:,} frames.", hint="Divide it.")
    left_out = sum(map(len, kinds.values())) - len(paths)
    return paths, f"{left_out} image(s) of {folder} are not {kind} and were left out." if left_out else ""


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.findall(r"\d+|\D+", path.stem)
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in parts], path.name


def _image_size(path: Path) -> tuple[int, int]:
    """``(height, width)`` from the header, after rotation; the pixels are not decoded."""
    too_large = MediaError(
        f"The image {path} has more than {MAX_PIXELS // 1_000_000} megapixels.", hint="Scale it down first."
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pil.DecompressionBombWarning)
            with Pil.open(path, formats=_FORMATS) as image:
                width, height = image.size
                turned = image.format == "JPEG" and image.getexif().get(_ORIENTATION) in _SWAPS
    except (Pil.DecompressionBombError, Pil.DecompressionBombWarning) as error:
        raise too_large from error
    except FileNotFoundError as error:
        raise MediaError(f"There is no image {path}.", hint="Check the name.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise MediaError(
            f"{path} is not a readable JPEG, PNG or WebP image.", hint="Replace it, or take it out."
        ) from error
    if width * height > MAX_PIXELS:
        raise too_large
    return (width, height) if turned else (height, width)


def _decoded(path: Path) -> Image:
    try:
        with Pil.open(path, formats=_FORMATS) as image:
            upright = ImageOps.exif_transpose(image) if image.format == "JPEG" else image
            if upright.mode.startswith("I"):  # grey of 16 bits, which Pillow would cut off at 255
                grey: Image = (np.asarray(upright) >> 8).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            return np.array(upright.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow's decoders raise on damaged files
        raise MediaError(f"The image {path} is damaged.", hint="Replace it, or take it out.") from error


def _shown(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
