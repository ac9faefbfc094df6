"""What every reader of a video shares: random access and streaming, both told by one primitive, ``visit``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from alref_local.types import Image

__all__ = ["MAX_FRAMES", "MAX_PIXELS", "Reader"]

MAX_PIXELS = 89_478_485
"""Pixels that one frame may have: Pillow's bound for suspecting a decompression bomb."""

MAX_FRAMES = 1_000_000
"""Frames that one video may have (nine hours at 30 per second): what bounds the index."""


class Reader(ABC):
    """A ``VideoReader`` (see ``alref_local.seams``) that is a context manager and may carry a ``warning``."""

    name: str
    """Short name for people and folders."""

    size: tuple[int, int]
    """``(height, width)`` after rotation."""

    fps: float
    """Average frames per second."""

    offset: float = 0.0
    """Time of the first frame in the source, in seconds."""

    warning: str = ""
    """What people should know of the source, a sentence each: what is missing, what looks worse than it could."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of frames."""

    @abstractmethod
    def timestamps(self) -> NDArray[np.float64]:
        """``(len,)`` presentation times in seconds, rising from 0."""

    @abstractmethod
    def frame_name(self, index: int) -> str:
        """Name of a frame in output folders."""

    @abstractmethod
    def visit(self, indices: Sequence[int]) -> Iterator[tuple[int, Image]]:
        """Yield ``(index, frame)`` in flat memory; ``indices`` rise or fall strictly, within range."""

    @abstractmethod
    def close(self) -> None:
        """Release files and decoders; safe to call twice."""

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """``(n, H, W, 3)`` uint8 RGB frames in the order asked for, each decoded once.

        Raises:
            IndexError: an index is outside ``[0, len)``.
        """
        wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"{self.name} has the frames 0 to {len(self) - 1}")
        unique, places = np.unique(wanted, return_inverse=True)
        found = np.empty((len(unique), *self.size, 3), np.uint8)
        for place, (_, frame) in enumerate(self.visit(unique.tolist())):
            found[place] = frame
        return found if np.array_equal(unique, wanted) else found[places]

    def stream(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[int, Image]]:
        """Yield ``(index, frame)`` over ``[start, stop)`` cut to the video, from the end if ``reverse``."""
        span = range(*slice(max(start, 0), stop if stop is None else max(stop, 0)).indices(len(self)))
        return self.visit(span[::-1] if reverse else span)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
