"""The set loss: each object is matched to one query per decoder layer and to three proposals.

The library's own loss is not used: it mixes up the phrases of a batch, gives the proposals no gradient and makes every
word of a phrase positive (observed in transformers 5.17).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from grounding_dino_forward import Predictions

PROPOSALS_PER_OBJECT: Final = 3
WORD_WEIGHT: Final = 2.0
L1_WEIGHT: Final = 5.0
GIOU_WEIGHT: Final = 2.0


class Truth(NamedTuple):
    """For b captions of t tokens, padded to m objects each; `cells` is for the auxiliary loss."""

    words: Tensor  # (b, m, t) wanted score of every token, in 0..1
    boxes: Tensor  # (b, m, 4) cxcywh in 0..1
    counts: list[int]  # objects of each caption
    cells: Tensor  # (pictures, h, w) long: what covers each cell at stride 16; 0 is the background


def set_loss(found: Predictions, truth: Truth, mask: Tensor) -> Tensor:
    """Mean loss per object over all decoder layers and the proposals."""
    total = _stage(found.proposal_logits, found.proposal_boxes, truth, mask, PROPOSALS_PER_OBJECT)
    for logits, boxes in zip(found.logits, found.boxes, strict=True):
        total = total + _stage(logits, boxes, truth, mask, 1)
    return total / (1 + len(found.logits))


def cell_loss(scores: Tensor, cells: Tensor) -> Tensor:
    """Teaches the backbone what covers each cell: `scores` (pictures, kinds, h, w), `cells` (pictures, h, w)."""
    weight = torch.ones(scores.shape[1], device=scores.device)
    weight[0] = 0.2
    return functional.cross_entropy(scores, cells, weight=weight)


def _stage(logits: Tensor, boxes: Tensor, truth: Truth, mask: Tensor, copies: int) -> Tensor:
    caption, query, item = _match(logits.detach(), boxes.detach(), truth, copies)
    wanted = torch.zeros_like(logits)
    wanted[caption, query] = truth.words[caption, item]
    chance = logits.sigmoid()
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    words = (entropy * (wanted - chance).square() * mask[:, None]).sum()
    mine, theirs = boxes[caption, query], truth.boxes[caption, item]
    places = L1_WEIGHT * (mine - theirs).abs().sum() + GIOU_WEIGHT * (1 - _giou(mine, theirs)).sum()
    return (WORD_WEIGHT * words + places) / max(len(item), 1)


def _match(logits: Tensor, boxes: Tensor, truth: Truth, copies: int) -> tuple[Tensor, Tensor, Tensor]:
    """Hungarian matching; indices of caption, query and object, one row per match."""
    chance = logits.sigmoid()
    wanted = truth.words / truth.words.sum(-1, keepdim=True).clamp_min(1e-6)
    fit = torch.einsum(
        "bqt,bmt->bqm", -2 * torch.log(chance.clamp_min(1e-4)).clamp_max(0) * (1 - chance) ** 2, wanted
    )
    far = (boxes[:, :, None] - truth.boxes[:, None]).abs().sum(-1)
    cost = fit + L1_WEIGHT * far - GIOU_WEIGHT * _giou(boxes[:, :, None], truth.boxes[:, None])
    table: NDArray[np.float32] = cost.float().cpu().numpy()
    captions, queries, items = [], [], []
    for index, count in enumerate(truth.counts):
        rows, columns = linear_sum_assignment(np.tile(table[index, :, :count], copies))
        captions.append(np.full(len(rows), index))
        queries.append(rows)
        items.append(columns % max(count, 1))
    place = [
        torch.from_numpy(np.concatenate(part)).long().to(logits.device) for part in (captions, queries, items)
    ]
    return place[0], place[1], place[2]


def _giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of cxcywh boxes (..., 4), which may broadcast."""
    a0, a1 = a[..., :2] - a[..., 2:] / 2, a[..., :2] + a[..., 2:] / 2
    b0, b1 = b[..., :2] - b[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2
    both = (torch.minimum(a1, b1) - torch.maximum(a0, b0)).clamp_min(0).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - both
    hull = (torch.maximum(a1, b1) - torch.minimum(a0, b0)).prod(-1)
    return both / union.clamp_min(1e-7) - (hull - union) / hull.clamp_min(1e-7)
