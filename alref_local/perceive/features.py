"""The encoder's features of a frame, shared by all tracks of a video, and kept for a second visit where that pays."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

__all__ = ["FeatureCache", "Features", "encode", "flat"]


class Features(NamedTuple):
    """One frame as the rest of the model sees it."""

    fine: torch.Tensor
    """``(1, D/8, S/4, S/4)``, for the mask decoder."""
    middle: torch.Tensor
    """``(1, D/4, S/8, S/8)``, for the mask decoder."""
    coarse: torch.Tensor
    """``(1, D, S/16, S/16)``."""

    def for_session(self, place: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        """As a session of transformers caches them; ``place`` is the position code of ``flat(coarse)``."""
        return {"vision_feats": [flat(level) for level in self], "vision_pos_embeds": [place]}


def encode(model: Any, pixels: torch.Tensor, batch: int = 1) -> list[Features]:
    """Features of each of ``(n, 3, S, S)`` frames, in one pass of the encoder.

    Args:
        batch: an encoder that is compiled for so many frames is shown no fewer: the last one again and again.
    """
    count = len(pixels)
    if count < batch:
        pixels = torch.cat([pixels, pixels[-1:].expand(batch - count, -1, -1, -1)])
    with torch.inference_mode():
        levels = model.get_image_features(pixels, return_dict=True).fpn_hidden_states
    maps = [
        level.permute(1, 2, 0).unflatten(2, size)
        for level, size in zip(levels, model.backbone_feature_sizes, strict=True)
    ]
    if len(pixels) == 1:
        return [Features(*maps)]
    # Copies, so that a frame that is kept does not keep all of its batch.
    return [Features(*(level[at : at + 1].clone() for level in maps)) for at in range(count)]


class FeatureCache:
    """Features of the frames in hand, and of a few others that will be met again.

    Args:
        room: keep features for one more visit as long as there are no more than so many. A frame that will be met
            twice more is kept in any case until the first, so that none is encoded more than twice.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._features: dict[int, Features] = {}

    def __getitem__(self, frame: int) -> Features:
        return self._features[frame]

    def __len__(self) -> int:
        return len(self._features)

    def __contains__(self, frame: int) -> bool:
        return frame in self._features

    def put(self, frame: int, features: Features) -> None:
        """Take in the features of a frame that is in hand."""
        self._features[frame] = features

    def leave(self, frame: int, visits: int) -> None:
        """Say that a frame is done with for now, and how often it will be met again."""
        if visits == 0 or (visits == 1 and len(self._features) > self._room):
            self._features.pop(frame, None)


def flat(level: torch.Tensor) -> torch.Tensor:
    """``(n, d, h, w)`` -> ``(cells, n, d)``, as memory attention takes it."""
    return level.flatten(2).permute(2, 0, 1)
