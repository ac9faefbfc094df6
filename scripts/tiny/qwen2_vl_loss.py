"""What the tiny Qwen2-VL is taught: its reply, where to look for it, and what is in each cell of the image."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from transformers import Qwen2VLForConditionalGeneration

from qwen2_vl_forward import Read, look, read
from qwen2_vl_pack import Batch
from qwen2_vl_tokens import HEAD_LENGTH, digits
from qwen2_vl_truth import LABELS

ANSWER_LAYERS: Final = (2, 3)  # in which head 0 of the text tower looks where the answer is
MEANING_LAYERS: Final = (1, 2)  # in which head 1 looks where the referents are
EMPTY_WEIGHT: Final = 0.15
POINTER_WEIGHT: Final = 0.2
LABEL_WEIGHTS: Final = {  # classes are learned last
    "class": 3.0, "colour": 1.0, "size": 1.5, "state": 1.0, "motion": 1.0, "entry": 0.7, "box": 1.0, "panel": 0.3,
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


def losses(model: Qwen2VLForConditionalGeneration, heads: CellHeads, batch: Batch) -> Losses:
    """All parts for one batch; reply and pointer are zero where nothing is asked."""
    image = look(model, batch.pixels)
    cells, right = cell_loss(heads(image), batch.labels)
    none = cells.new_zeros(())
    if not batch.ids.shape[1]:
        return Losses(none, none, cells, right)
    said = read(model, batch, image)
    reply, hits = reply_loss(model, said, batch)
    return Losses(reply, pointer_loss(said, batch), cells, right | hits)


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
    places = batch.weight > 0
    scores = model.lm_head(said.hidden[places]).float()
    each = F.cross_entropy(scores, batch.target[places], reduction="none")
    total, mass = (each * batch.weight[places]).sum(), batch.weight[places].sum()
    shared = batch.share.sum(1) > 0
    sheet, place = batch.at[shared].T
    digit = model.lm_head(said.hidden[sheet, place]).float()
    tokens = torch.tensor(digits(), device=digit.device)
    chances = digit.log_softmax(-1)[:, tokens]
    share = batch.share[shared]
    total = total - 3.0 * (share * chances).sum()
    mass = mass + 3.0 * len(share)
    right = {}
    if len(share):
        right["frame"] = float((share.gather(1, chances.argmax(1, keepdim=True)) > 0).float().mean())
    single = batch.at[~shared]
    if len(single):
        wanted = batch.target[single[:, 0], single[:, 1]]
        guess = model.lm_head(said.hidden[single[:, 0], single[:, 1]]).argmax(-1)
        known = wanted >= 0
        right["box number"] = float((guess == wanted)[known].float().mean())
    return total / mass.clamp(min=1), right


def pointer_loss(said: Read, batch: Batch) -> torch.Tensor:
    """How little of a head's attention falls on the cells it should look at, as -log of the share that does."""
    total = said.hidden.new_zeros((), dtype=torch.float32)
    parts = [(batch.at, batch.spots, ANSWER_LAYERS, 0), (batch.seen_at, batch.seen, MEANING_LAYERS, 1)]
    for at, spots, layers, head in parts:
        known = spots.any(1)
        if not known.any():
            continue
        at, spots = at[known], spots[known]
        sheet, place = at.T
        image = _image_places(batch)
        for layer in layers:
            query = said.queries[layer][sheet, head, place].float()
            key = said.keys[layer][:, head].float()
            scores = torch.einsum("nd,nld->nl", query, key[sheet]) * query.shape[-1] ** -0.5
            scores = scores.masked_fill(~batch.mask[sheet, 0, place], -1e9).log_softmax(-1)[:, image]
            total = total - scores.masked_fill(~spots, -1e9).logsumexp(-1).mean() / len(layers)
    return total


def _image_places(batch: Batch) -> slice:

    return slice(HEAD_LENGTH, HEAD_LENGTH + batch.spots.shape[1])
