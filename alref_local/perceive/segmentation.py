"""Mask tracks: SAM 2 (Ravi et al. 2024, arXiv 2408.00714), from transformers, without torchvision.

The paper prompts SAM 2 with the pivot boxes of all clips, starts at the pivot of the middle clip, and
propagates forward, then backward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from transformers import Sam2VideoModel

from alref_local.errors import ConfigError
from alref_local.models.resolve import resolve
from alref_local.perceive.compiling import compile_parts
from alref_local.perceive.conditioning import assume_present
from alref_local.perceive.constants import settle
from alref_local.perceive.device import torch_device
from alref_local.perceive.loading import load_model
from alref_local.perceive.pixels import to_model
from alref_local.perceive.prompts import TrackPrompts, by_track
from alref_local.perceive.propagation import Session, propagate
from alref_local.perceive.tracking import Sam2Session
from alref_local.seams import VideoReader
from alref_local.types import Box, FrameMasks, Image, Prompt

__all__ = ["Sam2"]

_AHEAD = 4
"""Frames that a GPU encodes together; a CPU gains nothing from more than one."""


class Sam2:
    """A ``Segmentor``: any SAM 2 or 2.1 video checkpoint in transformers format.

    Args:
        model: ``tiny:NAME``, a folder or a hub name.
        prompt: ``mask`` turns each box into a mask on its own frame first and prompts with that, as the
            released code.
        resize: how frames become the model's square input (see ``pixels``).
        max_conditioning: attend to this many prompted frames, the nearest (at least 2, as in SAM 2); None: to
            all.
        object_score: believe the model when it says that the object is not on a frame (its mask is empty
            there, and its memory says so). Off: the object is taken to be on every frame, and its score is a
            constant.
        compile: compile the model at the start, which takes a minute or two and pays on a GPU.
        ahead: so many frames are read and encoded together; None: as the device likes.
        dtype: of weights and features; memories are bfloat16 in any case, as in the original.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        PrerequisiteError: the checkpoint or the device is not there.
        ConfigError: the checkpoint is not SAM 2 video, or a setting is wrong.
    """

    def __init__(
        self,
        *,
        model: str,
        prompt: Literal["box", "mask"] = "box",
        resize: Literal["bilinear", "bicubic"] = "bicubic",
        max_conditioning: int | None = None,
        object_score: bool = True,
        compile: bool = False,
        ahead: int | None = None,
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        device: str = "cpu",
    ) -> None:
        if max_conditioning is not None and max_conditioning < 2:
            raise ConfigError(
                "max_conditioning must be at least 2.", hint="SAM 2 takes the nearest before and after."
            )
        folder = resolve(model)
        self._prompt = prompt
        self._resize = resize
        self._device = torch_device(device)
        self._ahead = ahead or (1 if self._device.type == "cpu" else _AHEAD)
        self._model = load_model(
            Sam2VideoModel, folder, model_type="sam2_video", device=self._device, dtype=getattr(torch, dtype)
        )
        settle(self._model)
        if max_conditioning is not None:
            self._model.config.max_cond_frame_num = max_conditioning
        if not object_score:
            self._model.mask_decoder.register_forward_hook(assume_present)
        self._batch = 1
        if compile and compile_parts(self._model, self._warm):
            self._batch = self._ahead

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        """Propagate every track from its start forward to the end, then backward to frame 0.

        All prompts of all tracks are run before the first step, in the order of their frames. Tracks on one frame
        share its encoder pass and take one step together; their masks depend on this company by no more than the
        rounding of batched products. Each frame is encoded once when all tracks start together, and never more
        than twice. Neither frames nor state pile up with the length of the video.

        Raises:
            ConfigError: a prompt does not fit the video.
        """
        tracks = by_track(prompts, len(video), video.size)
        if not tracks:
            return iter(())
        return propagate(self.session(len(video), video.size, tracks), video, tracks, self._ahead)

    def session(self, length: int, size: tuple[int, int], tracks: Sequence[TrackPrompts]) -> Session:
        """A video of ``length`` frames of ``size`` (height, width) inside this model."""
        return Sam2Session(
            self._model,
            self._to_model,
            size=size,
            length=length,
            tracks=tracks,
            box_as_mask=self._prompt == "mask",
            batch=self._batch,
        )

    def _to_model(self, image: Image) -> torch.Tensor:
        return to_model(
            image, int(self._model.config.image_size), self._resize, self._device, self._model.dtype
        )

    def _warm(self) -> None:
        """One track, two and three, the last of them with two prompts each, through a few blank frames."""
        size, length = (8, 8), 4 * self._ahead
        frames = [(index, np.zeros((*size, 3), np.uint8)) for index in range(length)]
        for number, prompted in ((1, (0,)), (2, (0,)), (3, (0, 1))):
            prompts = [Prompt(track, at, box=Box(2, 2, 6, 6)) for track in range(number) for at in prompted]
            session = self.session(length, size, by_track(prompts, length, size))
            for at in range(0, length, self._ahead):
                session.see(frames[at : at + self._ahead])
            for prompt in prompts:
                session.prompt(prompt)
            for index in (2, 3):
                session.step(index, range(number), reverse=False)
