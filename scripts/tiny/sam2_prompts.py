"""Random prompts like those a person or a detector gives: loose boxes, clicks, masks."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2_data import Batch
from sam2_step import Prompt

KINDS = {"box": 0.7, "click": 0.14, "clicks": 0.08, "mask": 0.08}


def draw_prompt(batch: Batch, time: int, row: int, rng: np.random.Generator) -> Prompt:
    """Prompts of one random kind for all objects on frame `time`, the batch's `row`-th prompted frame."""
    kind = rng.choice(list(KINDS), p=list(KINDS.values()))
    truth = batch.masks[:, time]
    if kind == "box":
        boxes = _loosen(batch.boxes[:, row])
        labels = torch.tensor([2, 3], dtype=torch.int32).expand(len(boxes), 2)
        return Prompt(boxes.reshape(-1, 2, 2), labels)
    if kind == "mask":
        whole = F.interpolate(truth[:, None], scale_factor=2.0, mode="bilinear")
        return Prompt(None, None, (whole > 0.5).float())
    wanted = [(truth > 0.8, 1)]
    if kind == "clicks":
        wanted += [(truth > 0.8, 1), (_near(truth), 0)]
    corners = batch.corners[batch.owner * batch.masks.shape[1]]
    points = torch.stack([_click(where) for where, _ in wanted], dim=1) + corners[:, None]
    labels = torch.tensor([label for _, label in wanted], dtype=torch.int32).expand(len(points), len(wanted))
    return Prompt(points, labels)


def _loosen(boxes: Tensor) -> Tensor:
    """Move every side: mostly by a few per cent of the box, sometimes by a tenth and more."""
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    spread = torch.where(torch.rand(len(boxes), 1) < 0.2, 0.09, 0.03)
    return boxes + torch.randn_like(boxes) * spread * size


def _near(truth: Tensor) -> Tensor:
    """Background cells within six cells of the object."""
    return (F.max_pool2d(truth[:, None], 13, 1, 6)[:, 0] > 0.5) & (truth < 0.05)


def _click(where: Tensor) -> Tensor:
    """One random true cell of each map (B, S/2, S/2), as x, y (B, 2) in pixels of the window."""
    weight = where.flatten(1).float() + 1e-6
    index = torch.multinomial(weight, 1)[:, 0]
    side = where.shape[-1]
    return torch.stack([index % side, index // side], dim=1) * 2.0 + 0.5
