"""The forms in which true masks are published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from alref_local import masks
from alref_local.datasets.item import Drawn
from alref_local.errors import MediaError
from alref_local.metrics.avss import CLASSES, palette
from alref_local.metrics.pngs import read_colours, read_labels, read_mask
from alref_local.types import Rle

__all__ = ["ClassFiles", "DrawnMasks", "LabelFiles", "MaskFiles", "RleMasks"]

_T = TypeVar("_T", bound=np.generic)


def _codes(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    code: NDArray[np.int64] = colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return code


_ORDER = np.argsort(_codes(palette()))
_SORTED = _codes(palette())[_ORDER]


@dataclass(frozen=True, slots=True)
class _Pngs:
    """One PNG per frame; the video's frame, by name."""

    frames: tuple[str, ...]
    files: tuple[Path, ...]

    def _file(self, frame: str) -> Path:
        return self.files[self.frames.index(frame)]


@dataclass(frozen=True, slots=True)
class MaskFiles(_Pngs):
    """What is not black is meant; palette, grey, black-and-white or colour."""

    def read(self, frame: str, size: tuple[int, int]) -> NDArray[np.bool_]:
        return _fitting(read_mask(self._file(frame)), size, self._file(frame))


@dataclass(frozen=True, slots=True)
class LabelFiles(_Pngs):
    """Palette PNGs of object numbers; with ``number``, the mask of that object."""

    number: int | None = None

    def read(self, frame: str, size: tuple[int, int]) -> NDArray[np.bool_] | NDArray[np.uint8]:
        labels = _fitting(read_labels(self._file(frame)), size, self._file(frame))
        return labels if self.number is None else labels == self.number


@dataclass(frozen=True, slots=True)
class ClassFiles(_Pngs):
    """Coloured PNGs of AVSBench-semantic: a colour's place in the palette is its category, other colours are 0."""

    def read(self, frame: str, size: tuple[int, int]) -> NDArray[np.uint8]:
        path = self._file(frame)
        colours = _codes(_fitting(read_colours(path), size, path))
        place = np.searchsorted(_SORTED, colours).clip(max=CLASSES - 1)
        return np.where(_SORTED[place] == colours, _ORDER[place], 0).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class RleMasks:
    """COCO RLE of the objects that are meant together; ``None`` where one is absent. No object: empty masks."""

    frames: tuple[str, ...]
    tracks: tuple[tuple[Rle | None, ...], ...]
    files: tuple[Path, ...] = ()

    def read(self, frame: str, size: tuple[int, int]) -> NDArray[np.bool_]:
        at = self.frames.index(frame)
        rles = [rle for track in self.tracks if (rle := track[at]) is not None]
        if any(rle.size != size for rle in rles):
            raise MediaError(f"The true masks of frame {frame} are not {size[1]}x{size[0]}.")
        return masks.decode(masks.union(rles) if rles else masks.empty(size))


@dataclass(frozen=True, slots=True)
class DrawnMasks:
    """Objects of a drawn clip; with ``sound``, those that sound in the frame."""

    clip: Drawn
    frames: tuple[str, ...]
    objects: tuple[int, ...] = ()
    sound: bool = False
    files: tuple[Path, ...] = ()

    def read(self, frame: str, size: tuple[int, int]) -> NDArray[np.bool_]:
        scene, t = self.clip.scene(), self.frames.index(frame)
        meant = np.flatnonzero(scene.sounding(t)) if self.sound else np.array(self.objects, np.intp)
        return np.asarray(scene.masks(t)[meant].any(axis=0))


def _fitting(pixels: NDArray[_T], size: tuple[int, int], path: Path) -> NDArray[_T]:
    if pixels.shape[:2] != size:
        raise MediaError(
            f"{path} is {pixels.shape[1]}x{pixels.shape[0]}, but its video is {size[1]}x{size[0]}.",
            hint="Frames and masks must be of one size.",
        )
    return pixels
