"""One engine following some tracks through a clip: what frames cost, and what tracks cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from alref_local.perceive.pixels import to_model
from alref_local.types import Box, FrameMasks, Image, Prompt

__all__ = ["Clip", "Cost", "boxes", "clock", "follow", "preparing"]


class Clip:
    """A ``VideoReader`` of a few drawn frames, again and again until it is long enough."""

    name, fps = "clip", 12.0

    def __init__(self, drawn: NDArray[np.uint8], length: int) -> None:
        self._drawn, self._length = drawn, length
        self.size = (int(drawn.shape[1]), int(drawn.shape[2]))

    def __len__(self) -> int:
        return self._length

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """``(n, H, W, 3)`` uint8 RGB."""
        return self._drawn[[index % len(self._drawn) for index in indices]]

    def stream(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[int, Image]]:
        """Yield ``(index, frame)``, from the end if ``reverse``."""
        span = range(start, self._length if stop is None else stop)
        for index in reversed(span) if reverse else span:
            yield index, self._drawn[index % len(self._drawn)]

    def timestamps(self) -> NDArray[np.float64]:
        """Seconds of each frame."""
        return np.arange(self._length) / self.fps

    def frame_name(self, index: int) -> str:
        """``00007``."""
        return f"{index:05d}"


@dataclass(slots=True)
class Cost:
    """Of one run, in seconds of ``clock``.

    Attributes:
        frames: of the clip.
        tracks: that were followed.
        total: all of it.
        encoding: the encoder's share, and making its input of frames.
        encoded: frames that went through the encoder.
        masks: what came out.
    """

    frames: int
    tracks: int
    total: float = 0.0
    encoding: float = 0.0
    encoded: int = 0
    masks: list[FrameMasks] = field(default_factory=list)

    @property
    def encoder(self) -> float:
        """E: seconds a frame, however many tracks there are."""
        return self.encoding / self.frames

    @property
    def memory(self) -> float:
        """M: seconds a frame and track; memory attention, mask decoder and memory encoder, and all around them."""
        return (self.total - self.encoding) / self.frames / self.tracks


def clock(device: str) -> Callable[[], float]:
    """The processor's seconds of this process, which other processes do not count in; on a GPU seconds."""
    if not device.startswith("cuda"):
        return time.process_time

    def now() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return now


def boxes(size: tuple[int, int], tracks: int, frame: int) -> list[Prompt]:
    """A box for each track on one frame, no two the same."""
    height, width = size
    return [
        Prompt(
            at, frame, box=Box(width * 0.05 * (at % 8), height * 0.1, width * (0.5 + 0.03 * at), height * 0.8)
        )
        for at in range(tracks)
    ]


def preparing(clip: Clip, side: int, device: str, resize: Literal["bilinear", "bicubic"]) -> float:
    """Seconds that a frame takes to become the encoder's input."""
    now, frames = clock(device), [frame for _, frame in clip.stream(0, 8)]
    start = now()
    for frame in frames:
        to_model(frame, side, resize, torch.device(device), torch.float32)
    return (now() - start) / len(frames)


def follow(engine: Any, clip: Clip, prompts: Sequence[Prompt], device: str, prepared: float = 0.0) -> Cost:
    """Run ``engine`` on the clip, and take apart what its frames cost: ``prepared`` seconds each, and encoding."""
    now = clock(device)
    cost = Cost(len(clip), len({prompt.track_id for prompt in prompts}))
    model = engine._predictor if hasattr(engine, "_predictor") else engine._model
    name = "forward_image" if hasattr(model, "forward_image") else "get_image_features"
    encode = getattr(model, name)

    def watched(pixels: torch.Tensor, **options: Any) -> Any:
        start = now()
        found = encode(pixels, **options)
        cost.encoding += now() - start + prepared * len(pixels)
        cost.encoded += len(pixels)
        return found

    setattr(model, name, watched)
    try:
        start = now()
        cost.masks = list(engine.track(clip, prompts))
        cost.total = now() - start
    finally:
        delattr(model, name)
    return cost
