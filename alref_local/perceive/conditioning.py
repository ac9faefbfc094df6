"""Runs prompts: each prompted frame becomes a conditioning frame of its track, before anything is propagated.

Prompts go through transformers' own session, one at a time: a track's prompted frames look at no other frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from alref_local.perceive.features import Features
from alref_local.perceive.masks import enlarge
from alref_local.perceive.memory import Memory
from alref_local.perceive.prompts import mask_input, point_inputs
from alref_local.perceive.propagation import Seen
from alref_local.types import Prompt

__all__ = ["View", "assume_present", "condition", "image_mode"]

_PRESENT = 10.0
"""Object score where the object is taken to be on the frame; what SAM 2 itself gives for a mask prompt."""


@dataclass(frozen=True, slots=True)
class View:
    """An encoded frame of a video of ``size`` (height, width), with the position code of its cells."""

    features: Features
    place: torch.Tensor
    size: tuple[int, int]

    def get_vision_features(self, frame_idx: int) -> dict[str, list[torch.Tensor]]:
        """What a session of transformers asks its cache for."""
        return self.features.for_session(self.place)


def condition(model: Any, view: View, prompt: Prompt, *, box_as_mask: bool) -> tuple[Seen, Memory]:
    """Run ``prompt`` on its frame.

    Args:
        box_as_mask: turn a box into a mask and prompt with that, as the released code (the paper: boxes).
    """
    as_mask = box_as_mask and prompt.box is not None
    found, session = _run(model, view, prompt, _mask_in_box(model, view, prompt) if as_mask else prompt.mask)
    kept = session.output_dict_per_obj[0]["cond_frame_outputs"][prompt.frame]
    seen = Seen(_logits(found), float(found.object_score_logits.flatten()[0]))
    return seen, Memory(kept["maskmem_features"][:, 0], kept["object_pointer"].flatten())


def assume_present(_: object, __: object, output: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Forward hook of the mask decoder: the object is there, whatever the decoder's object score says."""
    *rest, score = output
    return (*rest, torch.full_like(score, _PRESENT))


def _run(
    model: Any, view: View, prompt: Prompt, mask: NDArray[np.bool_] | None, **options: bool
) -> tuple[Any, Any]:
    """The model's output for one prompt on its frame, and the session that holds what is remembered of it."""
    session: Any = Sam2VideoInferenceSession(
        video_height=view.size[0],
        video_width=view.size[1],
        inference_device=model.device,
        inference_state_device=model.device,
        dtype=model.dtype,
    )
    session.cache = view
    index, side = session.obj_id_to_idx(prompt.track_id), int(model.config.image_size)
    if mask is not None:
        session.add_mask_inputs(index, prompt.frame, mask_input(mask, side))
    else:
        session.add_point_inputs(index, prompt.frame, point_inputs(prompt, view.size, side))
    session.obj_with_new_inputs = [prompt.track_id]
    return model(session, frame_idx=prompt.frame, **options), session


def _mask_in_box(model: Any, view: View, prompt: Prompt) -> NDArray[np.bool_]:
    """``(H, W)`` mask of what the box holds, as SAM 2's image predictor sees it: one mask, no memory."""
    with image_mode(model.mask_decoder):
        found, _ = _run(model, view, prompt, None, run_mem_encoder=False)
    return enlarge(_logits(found), view.size)


def _logits(found: Any) -> NDArray[np.float32]:
    """``(h, w)`` logits of the model's output for its only object."""
    logits: NDArray[np.float32] = found.pred_masks[0, 0].float().cpu().numpy()
    return logits


@contextmanager
def image_mode(decoder: Any) -> Iterator[None]:
    """With this mask decoder, a prompt gives what the image predictor gives.

    The image predictor neither swaps an unstable mask for another nor empties one by its object score.
    """
    stability, hook = decoder.dynamic_multimask_via_stability, decoder.register_forward_hook(assume_present)
    decoder.dynamic_multimask_via_stability = False
    try:
        yield
    finally:
        decoder.dynamic_multimask_via_stability = stability
        hook.remove()
