"""The common form of every data set: videos, what is asked of each, and where the truth is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from alref_local.datasets.source import Source
from alref_local.world import Scene, make_scene

__all__ = ["Dataset", "Drawn", "Item", "Metric", "Reference", "Truth"]

Metric = Literal["J&F", "J&F by object", "M_J, M_F", "mIoU", "J, F, S"]
"""What a data set is scored by; see docs/datasets.md."""


class Truth(Protocol):
    """True masks of the frames that have some. Small, and can cross to another process."""

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the frames that are scored, in order."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read for them."""

    def read(self, frame: str, size: tuple[int, int]) -> NDArray[np.bool_] | NDArray[np.uint8]:
        """``(H, W)``, bool or numbers, of a frame of the video that is ``size`` ``(height, width)``.

        Raises:
            MediaError: the file is missing, damaged or of another size.
        """


@dataclass(frozen=True, slots=True)
class Reference:
    """What is asked of a video.

    Attributes:
        id: as published; unique in its video.
        text: the sentence; empty if whatever sounds is meant.
        sound: whether what is meant makes a sound.
        truth: its masks; ``None`` if they are not published, or the item's truth holds them all.
        target: whether there is anything to find; ``None`` if that is not published.
        group: references of one group are merged into one label map (an annotator of Ref-DAVIS17).
        object: number of the object in the label maps of the truth.
    """

    id: str
    text: str = ""
    sound: bool = False
    truth: Truth | None = None
    target: bool | None = None
    group: str = ""
    object: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A clip of the drawn world in the place of a file."""

    preset: str
    seed: int

    def scene(self) -> Scene:
        """The clip; the last ones asked for are kept."""
        return _scene(self.preset, self.seed)


@lru_cache(maxsize=4)
def _scene(preset: str, seed: int) -> Scene:
    return make_scene(preset, seed)


@dataclass(frozen=True, slots=True)
class Item:
    """One video and everything that is asked of it.

    Attributes:
        id: as published; unique in its data set. It is data: it may begin with ``-``.
        video: a folder of frames, a video file, or a drawn clip.
        references: at least one.
        frames: names (without ending) of all frames of the folder, where the data set lists them.
        audio: its sound, where that is a file of its own.
        truth: label maps of the whole video: of objects by number, or of categories.
        part: the part of the data set that it is reported under.
    """

    id: str
    video: Path | Drawn
    references: tuple[Reference, ...]
    frames: tuple[str, ...] = ()
    audio: Path | None = None
    truth: Truth | None = None
    part: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A published data set.

    Attributes:
        name: what people call it by.
        about: one line.
        metric: what it is scored by.
        layout: its files as a tree, split ``SPLIT``.
        splits: names of its splits, the one that is evaluated first, and how many videos each has (0: not published).
        fps: frames per second of its folders of frames.
        read: yields the items of a split, in published order.
    """

    name: str
    about: str
    metric: Metric
    layout: str
    splits: dict[str, int]
    read: Callable[[Source, str], Iterator[Item]]
    fps: float = 24.0
