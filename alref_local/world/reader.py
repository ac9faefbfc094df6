"""A scene as a video: measuring and training need no file in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from alref_local.types import Image
from alref_local.world.scene import Scene

__all__ = ["SceneReader"]


class SceneReader:
    """A ``VideoReader`` that draws its frames when they are asked for."""

    def __init__(self, scene: Scene, name: str = "scene") -> None:
        self.scene = scene
        self.name = name
        self.size = scene.size
        self.fps = scene.fps

    def __len__(self) -> int:
        return self.scene.length

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """``(n, H, W, 3)`` uint8 RGB."""
        return np.stack([self.scene.frame(t) for t in indices])

    def stream(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[int, Image]]:
        """Yield ``(index, frame)``, from the end if ``reverse``."""
        span = range(start, len(self) if stop is None else stop)
        for t in reversed(span) if reverse else span:
            yield t, self.scene.frame(t)

    def timestamps(self) -> NDArray[np.float64]:
        """Seconds of each frame."""
        return np.arange(len(self)) / self.fps

    def frame_name(self, index: int) -> str:
        """``00007``."""
        return f"{index:05d}"
