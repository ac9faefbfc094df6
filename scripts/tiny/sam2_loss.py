"""What predictions are held to: masks where an object is seen, presence everywhere, the estimated overlap."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from sam2_step import Prediction
from torch import Tensor

SLIVER = 4.0
"""Cells of the truth (half the frame's resolution): an object of fewer is neither seen nor unseen."""


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
    overlap = _overlap(picked.detach(), wanted)
    quality = F.mse_loss(estimate[visible], overlap)
    judged = visible | gone
    presence = F.binary_cross_entropy_with_logits(score[judged], visible[judged].float())
    total = cross + dice + 0.2 * quality + presence_weight * presence
    right = (score > 0) == visible
    return Loss(total, float(overlap.mean()), _share(right[visible]), _share(right[gone]))


def _mask_loss(logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy, near the object and elsewhere apart, and the dice loss; maps are (N, h, w)."""
    cross = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    near = F.max_pool2d(F.avg_pool2d(truth[:, None], 4), 5, 1, 2)
    near = (F.interpolate(near, size=truth.shape[-2:], mode="nearest")[:, 0] > 0).float()
    beside = (cross * near).sum((1, 2)) / near.sum((1, 2)).clamp(min=1)
    away = (cross * (1 - near)).sum((1, 2)) / (1 - near).sum((1, 2)).clamp(min=1)
    chance = logits.sigmoid()
    common, sum_ = (chance * truth).sum((1, 2)), (chance + truth).sum((1, 2))
    dice = 1 - (2 * common + 1) / (sum_ + 1)
    return (2 * beside + 5 * away).mean(), dice.mean()


def _overlap(logits: Tensor, truth: Tensor) -> Tensor:
    mask, whole = logits > 0, truth > 0.5
    return (mask & whole).sum((1, 2)) / (mask | whole).sum((1, 2)).clamp(min=1)


def _share(right: Tensor) -> float:
    return float(right.float().mean()) if right.numel() else float("nan")
