"""transformers' own SAM 2 session, as its documentation drives it: every frame and memory kept, objects one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from transformers import Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from alref_local.models.resolve import resolve
from alref_local.perceive.device import torch_device
from alref_local.perceive.loading import load_model
from alref_local.perceive.pixels import to_model
from alref_local.perceive.prompts import TrackPrompts, by_track, mask_input, point_inputs
from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, Prompt

__all__ = ["PlainSam2"]


class PlainSam2:
    """A ``Segmentor``: what ``Sam2`` is compared with. Tracks that are prompted alike share a session."""

    def __init__(
        self,
        *,
        model: str,
        resize: Literal["bilinear", "bicubic"] = "bicubic",
        max_conditioning: int | None = None,
        dtype: str = "float32",
        device: str = "cpu",
    ) -> None:
        self._resize, self._device, self._dtype = resize, torch_device(device), getattr(torch, dtype)
        options: dict[str, Any] = {"device": self._device, "dtype": self._dtype}
        self._model = load_model(Sam2VideoModel, resolve(model), model_type="sam2_video", **options)
        self._model.config.max_cond_frame_num = max_conditioning or -1

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        """All frames of each session forward from the start, then backward."""
        alike: dict[tuple[int, frozenset[int]], list[TrackPrompts]] = {}
        for track in by_track(prompts, len(video), video.size):
            alike.setdefault((track.start, frozenset(track.by_frame)), []).append(track)
        for (start, _), tracks in alike.items():
            yield from self._session(video, start, tracks)

    def _session(
        self, video: VideoReader, start: int, tracks: Sequence[TrackPrompts]
    ) -> Iterator[FrameMasks]:
        model, side = self._model, int(self._model.config.image_size)
        how: dict[str, Any] = {"resize": self._resize, "device": self._device, "dtype": self._dtype}
        frames = [to_model(frame, side, **how) for _, frame in video.stream()]
        session: Any = Sam2VideoInferenceSession(
            video=torch.stack(frames),
            video_height=video.size[0],
            video_width=video.size[1],
            inference_device=self._device,
            dtype=self._dtype,
        )
        for frame in sorted(tracks[0].by_frame):
            for track in tracks:
                index, prompt = session.obj_id_to_idx(track.track_id), track.by_frame[frame]
                if prompt.mask is not None:
                    session.add_mask_inputs(index, frame, mask_input(prompt.mask, side))
                else:
                    session.add_point_inputs(index, frame, point_inputs(prompt, video.size, side))
            session.obj_with_new_inputs = [track.track_id for track in tracks]
            model(session, frame_idx=frame)
        for reverse in (False, True):
            found = model.propagate_in_video_iterator(session, start_frame_idx=start, reverse=reverse)
            for one in found:
                if not reverse or one.frame_idx != start:
                    yield _masks(one)


def _masks(one: Any) -> FrameMasks:
    scores = one.object_score_logits.flatten().float().cpu().numpy()
    logits = one.pred_masks[:, 0].half().cpu().numpy()
    return FrameMasks(one.frame_idx, tuple(one.object_ids), logits, scores.astype(np.float32))
