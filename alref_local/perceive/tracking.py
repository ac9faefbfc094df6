"""A video and its tracks inside a ``Sam2VideoModel``: what the order of work in ``propagation`` means for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from alref_local.perceive.conditioning import View, condition
from alref_local.perceive.features import FeatureCache, encode
from alref_local.perceive.memory import Bank, Recalled
from alref_local.perceive.prompts import TrackPrompts
from alref_local.perceive.propagation import Frames, Seen
from alref_local.perceive.step import Stepper
from alref_local.types import Image, Prompt

__all__ = ["Sam2Session"]

_ROOM = 8
"""Frames whose features are kept for another visit (17 MB each in float32 at 1024 pixels)."""
_TOGETHER = 16
"""Tracks of one step; bounds what a step takes (200 MB a track in float32 at 1024 pixels)."""


class Sam2Session:
    """A ``Session`` of ``propagation``.

    Args:
        model: a ``Sam2VideoModel``.
        to_model: makes the model's square input of a frame.
        size: ``(height, width)`` of the video.
        length: its number of frames.
        tracks: who is tracked.
        box_as_mask: see ``condition``.
        batch: see ``encode``.
    """

    def __init__(
        self,
        model: Any,
        to_model: Callable[[Image], torch.Tensor],
        *,
        size: tuple[int, int],
        length: int,
        tracks: Sequence[TrackPrompts],
        box_as_mask: bool,
        batch: int = 1,
    ) -> None:
        self._model, self._to_model, self._box_as_mask, self._batch = model, to_model, box_as_mask, batch
        self._size, self._length = size, length
        self._banks = {track.track_id: Bank(track.start) for track in tracks}
        self._prompted: dict[tuple[int, int], Seen] = {}
        self._cache = FeatureCache(_ROOM)
        self._stepper = Stepper(model, length)

    def see(self, frames: Frames) -> None:
        """Encode those frames whose features are not kept, in one pass."""
        new = [(index, image) for index, image in frames if index not in self._cache]
        if new:
            pixels = torch.stack([self._to_model(image) for _, image in new])
            for (index, _), features in zip(new, encode(self._model, pixels, self._batch), strict=True):
                self._cache.put(index, features)

    def prompt(self, prompt: Prompt) -> None:
        """Run a prompt, whose frame becomes a conditioning frame of its track."""
        view = View(self._cache[prompt.frame], self._stepper.place, self._size)
        seen, memory = condition(self._model, view, prompt, box_as_mask=self._box_as_mask)
        self._banks[prompt.track_id].given[prompt.frame] = memory
        self._prompted[prompt.track_id, prompt.frame] = seen

    def step(self, frame: int, track_ids: Sequence[int], *, reverse: bool) -> list[Seen]:
        """The masks of tracks on a frame; where a track is prompted, its mask is known already."""
        seen: dict[int, Seen] = {}
        alike: dict[tuple[int, int], list[tuple[int, Recalled]]] = {}
        for track_id in track_ids:
            if (track_id, frame) in self._prompted:
                seen[track_id] = self._prompted[track_id, frame]
            else:
                recalled = self._banks[track_id].recall(self._model, frame, self._length, reverse=reverse)
                alike.setdefault(recalled.structure, []).append((track_id, recalled))
        for group in alike.values():
            for at in range(0, len(group), _TOGETHER):
                seen |= self._advance(frame, group[at : at + _TOGETHER], reverse=reverse)
        return [seen[track_id] for track_id in track_ids]

    def leave(self, frame: int, visits: int) -> None:
        """Keep the features of a frame only as far as that saves a pass of the encoder."""
        self._cache.leave(frame, visits)

    def _advance(
        self, frame: int, group: Sequence[tuple[int, Recalled]], *, reverse: bool
    ) -> dict[int, Seen]:
        stepped = self._stepper.step(self._cache[frame], [recalled for _, recalled in group])
        for (track_id, _), (_, memory) in zip(group, stepped, strict=True):
            self._banks[track_id].keep(self._model.config, frame, memory, reverse=reverse)
        return {track_id: seen for (track_id, _), (seen, _) in zip(group, stepped, strict=True)}
