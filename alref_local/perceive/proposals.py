"""Masks of everything on a frame: SAM 2 prompted with a grid of points (Ravi et al. 2024, automatic masks)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate
from transformers import Sam2Model

from alref_local.models.resolve import resolve
from alref_local.perceive.boxes import suppress
from alref_local.perceive.device import torch_device
from alref_local.perceive.loading import load_model
from alref_local.perceive.pixels import to_model
from alref_local.types import Image

__all__ = ["MaskProposals", "box_of"]

_AT_ONCE: Final = 64  # points
_SAME: Final = 0.7
"""IoU of boxes from which on two masks are one thing."""


class MaskProposals:
    """SAM 2 as a generator of masks; the limits are the original's.

    Args:
        model: ``tiny:NAME``, a folder or a hub name of a SAM 2 checkpoint.
        points: of the grid, along each side.
        several: whether a point may mean three things, a part, the whole and more, or just one.
        sure: least IoU that the model expects of its mask.
        stable: least IoU of the masks at logits 1 and -1.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        PrerequisiteError: the checkpoint or the device is not there.
        ConfigError: the checkpoint is not SAM 2.
    """

    def __init__(
        self,
        model: str,
        *,
        points: int = 32,
        several: bool = True,
        sure: float = 0.8,
        stable: float = 0.95,
        device: str = "cpu",
    ) -> None:
        self._several, self._sure, self._stable = several, sure, stable
        self._device = torch_device(device)
        self._model = load_model(Sam2Model, resolve(model), model_type="sam2_video", device=self._device)
        middles = (np.arange(points) + 0.5) / points
        self._grid = [(x, y) for y in middles.tolist() for x in middles.tolist()]

    def masks(self, image: Image) -> NDArray[np.bool_]:
        """``(n, H, W)`` bool masks on a ``(H, W, 3)`` uint8 RGB frame, the surest first, no two of one thing."""
        size = (int(image.shape[0]), int(image.shape[1]))
        with torch.inference_mode():
            found = sorted(self._found(image, size), key=lambda one: -one[1])
        masks = np.array([mask for mask, _ in found], np.bool_).reshape(-1, *size)
        boxes = np.array([box_of(mask) for mask in masks], np.float64).reshape(-1, 4)
        return np.asarray(masks[suppress(boxes, _SAME)])

    def _found(self, image: Image, size: tuple[int, int]) -> Iterator[tuple[NDArray[np.bool_], float]]:
        """Masks that pass the limits, and how sure the model is of each; points go through it in batches."""
        side = int(self._model.prompt_encoder.input_image_size)
        pixels = to_model(image, side, "bicubic", self._device, torch.float32)
        seen = self._model.get_image_embeddings(pixels[None])
        for start in range(0, len(self._grid), _AT_ONCE):
            points = (
                torch.tensor(self._grid[start : start + _AT_ONCE], device=self._device)[None, :, None] * side
            )
            out = self._model(image_embeddings=seen, input_points=points, multimask_output=self._several)
            logits, sure = out.pred_masks[0].flatten(0, 1), out.iou_scores[0].flatten()
            inside, outside = (logits > 1).sum((1, 2)), (logits > -1).sum((1, 2))
            kept = (sure > self._sure) & (inside > 0) & (inside >= self._stable * outside)
            for mask, score in zip(logits[kept], sure[kept].tolist(), strict=True):
                large = interpolate(mask[None, None], size, mode="bilinear", align_corners=False)[0, 0] > 0
                if large.any():
                    yield large.cpu().numpy(), score


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of a mask that is not empty, in pixels, the last ones outside of it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
