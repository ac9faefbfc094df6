"""Prompts sorted by track and checked, and their form inside the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from alref_local.errors import ConfigError
from alref_local.types import Prompt

__all__ = ["TrackPrompts", "by_track", "mask_input", "point_inputs"]


@dataclass(frozen=True, slots=True)
class TrackPrompts:
    """All prompts of one track by frame, and the frame its propagation starts from (one of them)."""

    track_id: int
    start: int
    by_frame: dict[int, Prompt]


def by_track(prompts: Sequence[Prompt], length: int, size: tuple[int, int]) -> list[TrackPrompts]:
    """The prompts of each track, tracks in the order of their first prompt.

    Args:
        length: number of frames of the video.
        size: ``(height, width)`` of the video.

    Raises:
        ConfigError: a prompt lies outside the video or is not exactly one of box, mask and points; a frame is
            prompted twice, or a track starts twice.
    """
    tracks: dict[int, list[Prompt]] = {}
    for prompt in prompts:
        _check(prompt, length, size)
        tracks.setdefault(prompt.track_id, []).append(prompt)
    return [_track(track_id, group) for track_id, group in tracks.items()]


def point_inputs(prompt: Prompt, size: tuple[int, int], side: int) -> dict[str, torch.Tensor]:
    """A box (two points labelled 2 and 3) or points in pixels of the model's square input."""
    if prompt.box is not None:
        points, labels = np.array(prompt.box, dtype=np.float32).reshape(2, 2), np.array([2, 3])
    else:
        assert prompt.points is not None
        assert prompt.labels is not None
        points, labels = prompt.points.astype(np.float32), prompt.labels
    scale = np.array([side / size[1], side / size[0]], dtype=np.float32)
    return {
        "point_coords": torch.from_numpy(points * scale)[None, None],
        "point_labels": torch.from_numpy(labels.astype(np.int32))[None, None],
    }


def mask_input(mask: NDArray[np.bool_], side: int) -> torch.Tensor:
    """``(H, W)`` bool -> ``(1, 1, side, side)`` float32 of 0 and 1, resized as the original SAM 2 does."""
    whole = torch.from_numpy(mask.astype(np.float32))[None, None]
    return (interpolate(whole, (side, side), mode="bilinear", antialias=True) >= 0.5).float()


def _track(track_id: int, prompts: Sequence[Prompt]) -> TrackPrompts:
    by_frame = {prompt.frame: prompt for prompt in prompts}
    if len(by_frame) < len(prompts):
        raise ConfigError(
            f"Track {track_id} has two prompts on one frame.", hint="Give each object a track of its own."
        )
    starts = [prompt.frame for prompt in prompts if prompt.start]
    if len(starts) > 1:
        raise ConfigError(
            f"Track {track_id} starts on several frames.", hint="Mark one of its prompts as the start."
        )
    return TrackPrompts(track_id, starts[0] if starts else min(by_frame), by_frame)


def _check(prompt: Prompt, length: int, size: tuple[int, int]) -> None:
    if not 0 <= prompt.frame < length:
        raise ConfigError(
            f"A prompt is on frame {prompt.frame}, but the video has frames 0 to {length - 1}.",
            hint="Choose a frame of the video.",
        )
    if sum(part is not None for part in (prompt.box, prompt.mask, prompt.points)) != 1:
        raise ConfigError("A prompt must be exactly one of a box, a mask or points.")
    if prompt.mask is not None and prompt.mask.shape != size:
        raise ConfigError(f"A mask prompt has size {prompt.mask.shape}, but the video {size}.")
    if prompt.points is not None and (
        prompt.labels is None or prompt.points.shape != (len(prompt.labels), 2)
    ):
        raise ConfigError("A point prompt needs (n, 2) points and n labels.")
