"""Runs prompts: each prompted frame becomes a conditioning frame of its track, before anything is propagated.

A frame that is met without this, even by a track that is prompted later, would silently become a conditioning
frame with no prompt on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alref_local.perceive.masks import binarize
from alref_local.perceive.prompts import mask_input, point_inputs
from alref_local.perceive.shared import Shared
from alref_local.types import FrameMasks, Prompt

__all__ = ["assume_present", "condition"]

_PRESENT = 10.0
"""Object score where the object is taken to be on the frame; what SAM 2 itself gives for a mask prompt."""


def condition(shared: Shared, session: Any, prompt: Prompt, *, box_as_mask: bool) -> None:
    """Run ``prompt`` on its frame, which is the frame in hand, and keep the outcome in the track's session.

    Args:
        box_as_mask: turn a box into a mask and prompt with that, as the released code (the paper: boxes).
    """
    mask = _mask_in_box(shared, prompt) if box_as_mask and prompt.box is not None else prompt.mask
    _run(shared, session, prompt, mask)
    session.remove_point_inputs(0, prompt.frame)
    session.remove_mask_inputs(0, prompt.frame)
    # A square of the model's full input side, and nobody reads it again.
    del session.output_dict_per_obj[0]["cond_frame_outputs"][prompt.frame]["high_res_masks"]


def assume_present(_: object, __: object, output: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Forward hook of the mask decoder: the object is there, whatever the decoder's object score says."""
    *rest, score = output
    return (*rest, torch.full_like(score, _PRESENT))


def _run(
    shared: Shared, session: Any, prompt: Prompt, mask: NDArray[np.bool_] | None, **options: bool
) -> Any:
    """The model's output for one prompt on its frame."""
    index = session.obj_id_to_idx(prompt.track_id)
    if mask is not None:
        session.add_mask_inputs(index, prompt.frame, mask_input(mask, shared.side))
    else:
        session.add_point_inputs(index, prompt.frame, point_inputs(prompt, shared.size, shared.side))
    session.obj_with_new_inputs = [prompt.track_id]
    return shared.model(session, frame_idx=prompt.frame, **options)


def _mask_in_box(shared: Shared, prompt: Prompt) -> NDArray[np.bool_]:
    """``(H, W)`` mask of what the box holds, as SAM 2's image predictor sees it: one mask, no memory."""
    with _image_mode(shared.model):
        found = _run(shared, shared.session(), prompt, None, run_mem_encoder=False)
    logits = found.pred_masks[:, 0].half().cpu().numpy()
    alone = FrameMasks(prompt.frame, (prompt.track_id,), logits, np.ones(1, np.float32))
    mask: NDArray[np.bool_] = binarize(alone, shared.size)[0]
    return mask


@contextmanager
def _image_mode(model: Any) -> Iterator[None]:
    """The image predictor neither swaps an unstable mask for another nor empties one by its object score."""
    decoder = model.mask_decoder
    stability, hook = decoder.dynamic_multimask_via_stability, decoder.register_forward_hook(assume_present)
    decoder.dynamic_multimask_via_stability = False
    try:
        yield
    finally:
        decoder.dynamic_multimask_via_stability = stability
        hook.remove()
