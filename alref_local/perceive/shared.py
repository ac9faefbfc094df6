"""What the tracks of one video share: the frame in hand, and the encoder's features of it.

``Sam2VideoInferenceSession`` of transformers keeps every preprocessed frame of a video. ``FrameInHand`` and
``FeatureCache`` stand in for its frame store and its feature cache, so that a video streams past the tracks
and each frame goes through the encoder once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from alref_local.types import Image

__all__ = ["FeatureCache", "FrameInHand", "Shared"]


class FrameInHand:
    """The session's frames: as many as the video has, one at a time, preprocessed when the encoder asks."""

    def __init__(self, length: int, to_model: Callable[[Image], torch.Tensor]) -> None:
        self._length = length
        self._to_model = to_model
        self._index = -1
        self._image: Image | None = None

    def take(self, index: int, image: Image) -> None:
        """Replace the frame in hand by frame ``index``."""
        self._index, self._image = index, image

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> torch.Tensor:
        if index != self._index or self._image is None:
            raise KeyError(f"frame {index} is not in hand, frame {self._index} is")
        return self._to_model(self._image)


class FeatureCache:
    """Encoder features of the frame in hand, and of at most ``room`` earlier frames that will be met again.

    The two methods ``*_vision_features`` are what the model calls.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._features: dict[int, dict[str, Any]] = {}

    def cache_vision_features(self, frame_idx: int, features: dict[str, Any]) -> None:
        """Keep the features of a frame; of the position embeddings only the last level is ever read."""
        self._features[frame_idx] = {**features, "vision_pos_embeds": features["vision_pos_embeds"][-1:]}

    def get_vision_features(self, frame_idx: int) -> dict[str, Any] | None:
        """The features of a frame, if kept."""
        return self._features.get(frame_idx)

    def leave(self, frame: int, *, again: bool) -> None:
        """Say that the frame is done with for now, and whether some track will meet it ``again``."""
        if not again or len(self._features) > self._room:
            self._features.pop(frame, None)

    def __len__(self) -> int:
        return len(self._features)


@dataclass(frozen=True, slots=True)
class Shared:
    """The model, and what all tracks of one video of ``size`` (height, width) work with."""

    model: Any
    frames: FrameInHand
    features: FeatureCache
    size: tuple[int, int]

    @property
    def side(self) -> int:
        """Side of the model's square input in pixels."""
        return int(self.model.config.image_size)

    def session(self) -> Any:
        """A session for one track; its state stays on the model's device."""
        device = self.model.device
        session: Any = Sam2VideoInferenceSession(
            video_height=self.size[0],
            video_width=self.size[1],
            inference_device=device,
            inference_state_device=device,
            video_storage_device=device,
            dtype=self.model.dtype,
        )
        session.processed_frames = self.frames
        session.cache = self.features
        return session
