"""What predictions are held to: masks, presence, and the estimated overlap.

SAM 2's own recipe asks nothing of a mask when its object is out of sight. Here it must be empty: every pixel of a
look-alike then says "not this one", where the object score alone says so with a single number.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2_step import Prediction

SLIVER = 4.0
"""Cells of the truth (half the frame's resolution): an object of fewer is neither seen nor unseen."""

UNSEEN_WEIGHT = 2.0
"""Frames without the object are the rarer ones; each counts more in the loss of the object score."""

EMPTY_AREA = 400.0
"""Cells: the cross entropy of a mask that must be empty is summed and divided by this."""

ELSEWHERE_AREA = 800.0
"""Cells: the same for the cross entropy far from an object that is seen, whatever the size of the frame."""


class Loss(NamedTuple):
    """The loss, and what is worth printing: mean J of the raw masks, share of right presence: seen, unseen."""

    total: Tensor
    overlap: float
    seen: float
    unseen: float


def judge(predictions: list[Prediction], truth: Tensor, presence_weight: float) -> Loss:
    """Loss of T predictions for B objects against `truth` (B, T, S/2, S/2), the filled share of each cell."""
    logits = torch.stack([p.logits for p in predictions], dim=1)
    score = torch.stack([p.score for p in predictions], dim=1)
    estimate = torch.stack([p.iou for p in predictions], dim=1)
    area = truth.sum((2, 3))
    visible, gone = area >= SLIVER, area == 0
    fine = F.interpolate(logits, size=truth.shape[-2:], mode="bilinear", align_corners=False)
    picked, wanted = fine[visible], truth[visible]
    cross, dice = _mask_loss(picked, wanted)
    spill = F.softplus(fine[gone]).sum((1, 2)) / EMPTY_AREA
    empty = spill.sum() / visible.sum().clamp(min=1)
    overlap = _overlap(picked.detach(), wanted)
    quality = F.mse_loss(estimate[visible], overlap)
    judged = visible | gone
    weight = torch.where(visible, 1.0, UNSEEN_WEIGHT)[judged]
    presence = F.binary_cross_entropy_with_logits(score[judged], visible[judged].float(), weight)
    total = cross + dice + empty + 0.2 * quality + presence_weight * presence
    right = (score > 0) == visible
    return Loss(total, float(overlap.mean()), _share(right[visible]), _share(right[gone]))


def _mask_loss(logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy, near the object and elsewhere apart, and the dice loss; maps are (N, h, w)."""
    cross = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    near = F.max_pool2d(F.avg_pool2d(truth[:, None], 4), 5, 1, 2)
    near = (F.interpolate(near, size=truth.shape[-2:], mode="nearest")[:, 0] > 0).float()
    beside = (cross * near).sum((1, 2)) / near.sum((1, 2)).clamp(min=1)
    away = (cross * (1 - near)).sum((1, 2)) / ELSEWHERE_AREA
    chance = logits.sigmoid()
    common, sum_ = (chance * truth).sum((1, 2)), (chance + truth).sum((1, 2))
    dice = 1 - (2 * common + 1) / (sum_ + 1)
    return (2 * beside + away).mean(), dice.mean()


def _overlap(logits: Tensor, truth: Tensor) -> Tensor:
    mask, whole = logits > 0, truth > 0.5
    return (mask & whole).sum((1, 2)) / (mask | whole).sum((1, 2)).clamp(min=1)


def _share(right: Tensor) -> float:
    return float(right.float().mean()) if right.numel() else float("nan")
