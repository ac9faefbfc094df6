"""What the tiny Qwen2-VL is taught: its reply, where to look for it, and what is in each cell of the image."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from transformers import Qwen2VLForConditionalGeneration

from qwen2_vl_forward import Read, look, read
from qwen2_vl_pack import KINDS, Batch
from qwen2_vl_reply import WEIGHTS
from qwen2_vl_tokens import HEAD_LENGTH, digits
from qwen2_vl_truth import LABELS

POINTERS: Final = ((1, 1), (2, 0), (2, 1), (3, 0), (3, 1))
"""Layers and heads of the text tower that look where the next word can be read."""
EMPTY_WEIGHT: Final = 0.15
POINTER_WEIGHT: Final = 0.2
LABEL_WEIGHTS: Final = {  # classes are learned last
    "class": 3.0, "colour": 1.0, "size": 1.5, "state": 1.0, "motion": 0.3, "entry": 0.3, "box": 1.0, "panel": 0.3,
    "column": 0.8, "row": 0.8,
}  # fmt: skip


class Losses(NamedTuple):
    """Parts of the loss and, for the log, how often ids and cells are right."""

    reply: torch.Tensor
    pointer: torch.Tensor
    cells: torch.Tensor
    right: dict[str, float]


class CellHeads(nn.Module):  # type: ignore[misc]
    """Linear readers of the image tokens, thrown away after training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.heads = nn.Linear(width, sum(LABELS.values()))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logits (B, cells, labels), one tensor for each of `LABELS`."""
        logits = self.heads(self.norm(image)).float()
        return tuple(logits.split(list(LABELS.values()), dim=-1))


def losses(
    model: Qwen2VLForConditionalGeneration,
    heads: CellHeads,
    batch: Batch,
    borrowed: torch.Tensor | None = None,
) -> tuple[Losses, torch.Tensor]:
    """All parts for one batch, and its image tokens; reply and pointer are zero where nothing is asked.

    With `borrowed` image tokens (B, cells, width) only the reply is learned.
    """
    image = look(model, batch.pixels) if borrowed is None else borrowed
    none = image.new_zeros((), dtype=torch.float32)
    cells, right = cell_loss(heads(image), batch.labels) if borrowed is None else (none, {})
    if not batch.ids.shape[1]:
        return Losses(none, none, cells, right), image.detach()
    said = read(model, batch, image)
    reply, hits = reply_loss(model, said, batch)
    if borrowed is not None:
        hits = {f"told {name}": share for name, share in hits.items()}
    return Losses(reply, pointer_loss(said, batch), cells, right | hits), image.detach()


def cell_loss(
    logits: tuple[torch.Tensor, ...], labels: torch.Tensor
) -> tuple[torch.Tensor, dict[str, float]]:
    """Weighted mean cross entropy over the kinds of labels; empty cells count little."""
    total = labels.new_zeros((), dtype=torch.float32)
    right = {}
    for i, (name, scores) in enumerate(zip(LABELS, logits, strict=True)):
        wanted = labels[:, i].reshape(-1)
        weight = torch.full((scores.shape[-1],), 1.0, device=scores.device)
        weight[0] = EMPTY_WEIGHT
        total = total + LABEL_WEIGHTS[name] * F.cross_entropy(scores.flatten(0, 1), wanted, weight)
        full = wanted > 0
        hits = scores.flatten(0, 1)[full].argmax(-1) == wanted[full]
        right[name] = float(hits.float().mean()) if len(hits) else 0.0
    return total / sum(LABEL_WEIGHTS.values()), right


def reply_loss(
    model: Qwen2VLForConditionalGeneration, said: Read, batch: Batch
) -> tuple[torch.Tensor, dict[str, float]]:
    """Weighted cross entropy of the reply's tokens; frames that are alike good share their target."""
    places = batch.kind >= 0
    target, kinds = batch.target[places], batch.kind[places]
    scores = model.lm_head(said.hidden[places]).float()
    weight = batch.weight[places]
    total = (F.cross_entropy(scores, target, reduction="none") * weight).sum()
    hits = scores.argmax(-1) == target
    right = {
        name: float(hits[kinds == k].float().mean()) for k, name in enumerate(KINDS) if (kinds == k).any()
    }
    if len(batch.share_at):
        sheet, place = batch.share_at.T
        digit = model.lm_head(said.hidden[sheet, place]).float()
        chances = digit.log_softmax(-1)[:, torch.tensor(digits(), device=digit.device)]
        total = total - WEIGHTS["frame"] * (batch.share * chances).sum()
        right["frame"] = float((batch.share.gather(1, chances.argmax(1, keepdim=True)) > 0).float().mean())
    mass = weight.sum() + WEIGHTS["frame"] * len(batch.share_at)
    return total / mass.clamp(min=1), right


def pointer_loss(said: Read, batch: Batch) -> torch.Tensor:
    """How little of a head's attention falls on the cells it should look at, as -log of the share that does."""
    total = said.hidden.new_zeros((), dtype=torch.float32)
    if not len(batch.look_at):
        return total
    sheet, place = batch.look_at.T
    image = slice(HEAD_LENGTH, HEAD_LENGTH + batch.look.shape[1])
    for layer, head in POINTERS:
        query = said.queries[layer][sheet, head, place].float()
        key = said.keys[layer][:, head].float()
        scores = torch.einsum("nd,nld->nl", query, key[sheet]) * query.shape[-1] ** -0.5
        scores = scores.masked_fill(~batch.mask[sheet, 0, place], -1e9).log_softmax(-1)[:, image]
        total = total - scores.masked_fill(~batch.look, -1e9).logsumexp(-1).mean() / len(POINTERS)
    return total
