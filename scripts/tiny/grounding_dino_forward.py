"""A training pass: pictures run once through the backbone and are shared by several captions each."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import GroundingDinoForObjectDetection
from transformers.models.grounding_dino import modeling_grounding_dino as library


class Predictions(NamedTuple):
    """For b captions, n proposals (all picture tokens), q queries, l decoder layers and t text tokens."""

    proposal_logits: Tensor  # (b, n, t)
    proposal_boxes: Tensor  # (b, n, 4) cxcywh in 0..1
    logits: Tensor  # (l, b, q, t)
    boxes: Tensor  # (l, b, q, 4) cxcywh in 0..1
    features: Tensor  # (pictures, d, h, w) at stride 16, before any text


def picture_features(model: GroundingDinoForObjectDetection, pixels: Tensor) -> list[Tensor]:
    """Projected maps (pictures, d, h, w) at strides 16, 32, 64 of normalised `pixels` (pictures, 3, H, W)."""
    inner = model.model
    raw = inner.backbone.conv_encoder.model(pixels, return_dict=True).feature_maps
    maps = [project(m) for project, m in zip(inner.input_proj_vision, raw, strict=False)]
    return [*maps, inner.input_proj_vision[len(raw)](raw[-1])]


def forward(model: GroundingDinoForObjectDetection, pixels: Tensor, ids: Tensor, mask: Tensor) -> Predictions:
    """What the library's forward computes, with gradients for the proposals, which its loss forgets.

    `pixels` (pictures, 3, H, W) fill the canvas; `ids`, `mask` (pictures * k, t): captions k*i.. belong to picture i.
    """
    inner, repeats = model.model, len(ids) // len(pixels)
    attend, positions = library.generate_masks_with_special_tokens_and_transfer_map(ids, inner.special_tokens)
    text = inner.text_backbone(ids, attend[:, None], torch.zeros_like(ids), positions, return_dict=True)
    words = inner.text_projection(text.last_hidden_state)

    maps = picture_features(model, pixels)
    shapes = [(m.shape[-2], m.shape[-1]) for m in maps]
    where = []
    for level, feature in enumerate(maps):
        everything = torch.ones((1, *feature.shape[-2:]), dtype=torch.bool, device=pixels.device)
        place = inner.backbone.position_embedding(feature, everything).flatten(2).transpose(1, 2)
        where.append(place + inner.level_embed[level])
    tokens = torch.cat([m.flatten(2).transpose(1, 2) for m in maps], 1).repeat_interleave(repeats, 0)
    place = torch.cat(where, 1)
    sizes = torch.tensor(shapes, device=pixels.device)
    starts = torch.cat((sizes.new_zeros(1), sizes.prod(1).cumsum(0)[:-1]))
    ratios = torch.ones(len(ids), len(maps), 2, device=pixels.device)
    seen = torch.ones(tokens.shape[:2], dtype=torch.bool, device=pixels.device)
    common: dict[str, Any] = {
        "spatial_shapes": sizes,
        "spatial_shapes_list": shapes,
        "level_start_index": starts,
    }
    encoded = inner.encoder(
        vision_features=tokens, vision_attention_mask=~seen, vision_position_embedding=place, valid_ratios=ratios,
        text_features=words, text_attention_mask=~mask, text_self_attention_masks=~attend,
        text_position_ids=positions, **common,
    )  # fmt: skip
    picture, words = encoded.last_hidden_state_vision, encoded.last_hidden_state_text

    proposals, anchors = inner.generate_encoder_output_proposals(picture, ~seen, shapes)
    scores = (proposals @ words.transpose(1, 2)).masked_fill(~mask[:, None], -1e4)
    coords = inner.encoder_output_bbox_embed(proposals) + anchors
    best = scores.amax(-1).topk(model.config.num_queries, dim=1).indices
    reference = coords.gather(1, best[..., None].expand(-1, -1, 4)).detach().sigmoid()
    queries = inner.query_position_embeddings.weight.expand(len(ids), -1, -1)
    decoded = inner.decoder(
        inputs_embeds=queries, vision_encoder_hidden_states=picture, vision_encoder_attention_mask=seen,
        text_encoder_hidden_states=words, text_encoder_attention_mask=~mask, reference_points=reference,
        valid_ratios=ratios, **common,
    )  # fmt: skip
    hidden, later = decoded.intermediate_hidden_states, decoded.intermediate_reference_points
    logits, boxes = [], []
    for level, head in enumerate(model.bbox_embed):
        state = hidden[:, level]
        base = reference if level == 0 else later[:, level - 1]
        logits.append((state @ words.transpose(1, 2)).masked_fill(~mask[:, None], -1e4))
        boxes.append((head(state) + torch.special.logit(base, eps=1e-5)).sigmoid())
    return Predictions(scores, coords.sigmoid(), torch.stack(logits), torch.stack(boxes), maps[0])


def deformable_attention(
    _: object,
    value: Tensor,
    sizes: Tensor,
    _shapes: object,
    starts: Tensor,
    places: Tensor,
    weights: Tensor,
    _step: int,
) -> Tensor:
    """The library's deformable attention as one small sparse matrix; equal, and on a CPU about twice as fast.

    `value` (b, n, heads, d), `places` (b, q, heads, levels, points, 2) in 0..1, `weights` without the last axis.
    Each sampled point adds its four bilinear weights to the row of its query; the sum is a matrix product.
    """
    batch, tokens, heads, _d = value.shape
    queries = places.shape[1]
    xy = (places * sizes.flip(-1)[:, None] - 0.5).transpose(1, 2)
    low = xy.detach().floor()
    share = xy - low
    height, width = sizes[:, :1], sizes[:, 1:]
    columns, rows = low.long().unbind(-1)
    right, down = share.unbind(-1)
    pull = weights.transpose(1, 2)
    index, amount = [], []
    for row, vertical in ((rows, (1 - down) * pull), (rows + 1, down * pull)):
        for column, horizontal in ((columns, 1 - right), (columns + 1, right)):
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            at = starts[:, None] + row * width + column
            index.append(torch.where(inside, at, 0))
            amount.append(vertical * horizontal * inside)
    matrix = value.new_zeros(batch, heads, queries, tokens)
    matrix = matrix.scatter_add(-1, torch.stack(index, -1).flatten(3), torch.stack(amount, -1).flatten(3))
    return (matrix @ value.transpose(1, 2)).transpose(1, 2).flatten(2)


def use_fast_attention() -> None:
    """Let every model of this process use `deformable_attention`."""
    library.MultiScaleDeformableAttention.forward = deformable_attention
