"""What SAM 2 remembers of a track: mask memories and object pointers, no more of them than a later step can look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

__all__ = ["Bank", "Memory", "Recalled", "age"]


class Memory(NamedTuple):
    """One frame in the memory of a track.

    ``features`` is ``(cells, d)`` bfloat16, as in the original; ``None`` once only the pointer is still read.
    ``pointer`` is ``(D,)``.
    """

    features: torch.Tensor | None
    pointer: torch.Tensor


class Recalled(NamedTuple):
    """What a step looks at, with its distance in frames; conditioning frames are at distance 0 to mask memories."""

    features: list[tuple[int, torch.Tensor]]
    pointers: list[tuple[int, torch.Tensor]]

    @property
    def structure(self) -> tuple[int, int]:
        """Tracks of one structure can be stepped together."""
        return len(self.features), len(self.pointers)


@dataclass(slots=True, eq=False)
class Bank:
    """One track's memory: its prompted frames for good, and the frames around the last step in its direction.

    Attributes:
        start: the frame that propagation starts from.
        given: memories of the prompted frames (conditioning frames).
        passed: memories of frames that were stepped over.
    """

    start: int
    given: dict[int, Memory] = field(default_factory=dict)
    passed: dict[int, Memory] = field(default_factory=dict)

    def recall(self, model: Any, frame: int, length: int, *, reverse: bool) -> Recalled:
        """What the step onto ``frame`` of ``length`` frames looks at, in the order of transformers' session."""
        config, sign = model.config, -1 if reverse else 1
        near, far = model._select_closest_cond_frames(frame, self.given, config.max_cond_frame_num)
        features = [(0, memory.features) for memory in near.values()]
        for distance in range(config.num_maskmem - 1, 0, -1):
            memory = self.passed.get(frame - sign * distance) or far.get(frame - sign * distance)
            if memory is not None:
                features.append((distance, memory.features))
        distances = {at: (frame - at) * sign for at in self.given}
        pointers = [(distances[at], self.given[at].pointer) for at in self.given if distances[at] >= 0]
        for distance in range(1, min(length, config.max_object_pointers_in_encoder)):
            if (memory := self.passed.get(frame - sign * distance)) is not None:
                pointers.append((distance, memory.pointer))
        return Recalled([(distance, one) for distance, one in features if one is not None], pointers)

    def keep(self, config: Any, now: int, memory: Memory, *, reverse: bool) -> None:
        """Remember frame ``now``, and drop what no later step reads: pointers are read from further back than masks."""
        self.passed[now] = memory
        masks, pointers = config.num_maskmem - 1, config.max_object_pointers_in_encoder - 1
        for frame in list(self.passed):
            old = age(frame, now, self.start, reverse=reverse)
            if old >= max(masks, pointers):
                del self.passed[frame]
            elif old >= masks:
                self.passed[frame] = self.passed[frame]._replace(features=None)


def age(frame: int, now: int, start: int, *, reverse: bool) -> int:
    """How many steps ago a frame was passed, for whoever takes the next step after ``now``.

    Backward, the first steps before the start look at the frames just after it: forward, these do not age.
    """
    return frame - now if reverse else min(now - frame, frame - start)
