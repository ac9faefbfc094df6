"""Qwen2-VL's pass over packed sheets, on the library's own parameters.

The library splits attention image by image and runs a 3-D convolution; here images of one size go through together
and the convolution, whose two time slices see the same picture, is one matrix product. A test holds both equal.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import torch
from torch.nn import functional as F
from transformers import Qwen2VLForConditionalGeneration
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from qwen2_vl_pack import Batch
from qwen2_vl_tokens import HEAD_LENGTH

PATCH = 14


class Read(NamedTuple):
    """Last hidden states (B, L, width), and by layer the queries and keys (B, heads, L, head width)."""

    hidden: torch.Tensor
    queries: list[torch.Tensor]
    keys: list[torch.Tensor]


def look(model: Qwen2VLForConditionalGeneration, pixels: torch.Tensor) -> torch.Tensor:
    """Image tokens (B, cells, width) of uint8 images (B, H, W, 3), sides in whole tokens."""
    tower = model.model.visual
    mean, std = torch.tensor(OPENAI_CLIP_MEAN), torch.tensor(OPENAI_CLIP_STD)
    images = (pixels.float() / 255 - mean.to(pixels.device)) / std.to(pixels.device)
    b, height, width, _ = images.shape
    rows, columns = height // (2 * PATCH), width // (2 * PATCH)
    x = images.view(b, rows, 2, PATCH, columns, 2, PATCH, 3)
    x = x.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(b, 4 * rows * columns, 3 * PATCH * PATCH)
    x = F.linear(x, tower.patch_embed.proj.weight.sum(2).flatten(1))
    cos, sin = (
        t.to(x.device) for t in _vision_rope(rows, columns, tower.config.embed_dim // tower.config.num_heads)
    )
    for block in tower.blocks:
        x = x + _attend_all(block.attn, block.norm1(x), cos, sin)
        x = x + block.mlp(block.norm2(x))
    x = tower.merger.ln_q(x).reshape(b, rows * columns, -1)
    return tower.merger.mlp(x)


def read(model: Qwen2VLForConditionalGeneration, batch: Batch, image: torch.Tensor) -> Read:
    """The text tower over packed sheets whose image tokens are `image`."""
    tower = model.model.language_model
    x = tower.embed_tokens(batch.ids)
    start = HEAD_LENGTH  # the same in every prompt
    x = torch.cat([x[:, :start], image.to(x.dtype), x[:, start + image.shape[1] :]], dim=1)
    cos, sin = _text_rope(model, batch.positions)
    queries, keys = [], []
    for layer in tower.layers:
        attention, y = layer.self_attn, layer.input_layernorm(x)
        q, k, v = (
            _heads(p(y), attention.head_dim) for p in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        q, k = _turn(q, cos, sin), _turn(k, cos, sin)
        queries.append(q)
        keys.append(k)
        out = _attend(q, k, v, batch.mask)
        x = x + attention.o_proj(out.transpose(1, 2).flatten(2))
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return Read(tower.norm(x), queries, keys)


def _heads(x: torch.Tensor, width: int) -> torch.Tensor:
    return x.unflatten(-1, (-1, width)).transpose(1, 2)


def _turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Attention spelled out: on a CPU in bfloat16 its backward pass takes half the time of the fused one."""
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
    if mask is not None:
        scores = scores + torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, -1e9)
    return torch.matmul(scores.softmax(-1).to(v.dtype), v)


def _attend_all(attention: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    q, k, v = attention.qkv(x).unflatten(-1, (3, attention.num_heads, -1)).permute(2, 0, 3, 1, 4)
    out = _attend(_turn(q, cos, sin), _turn(k, cos, sin), v, None)
    return torch.as_tensor(attention.proj(out.transpose(1, 2).flatten(2)))


@cache
def _vision_rope(rows: int, columns: int, head: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines (patches, head / 2) in the order of the patches: two by two."""
    down, across = torch.meshgrid(torch.arange(2 * rows), torch.arange(2 * columns), indexing="ij")
    places = torch.stack([down, across], -1).view(rows, 2, columns, 2, 2).transpose(1, 2).reshape(-1, 2)
    frequencies = 1 / 10_000 ** (torch.arange(0, head // 2, 2).float() / (head // 2))
    angles = (places[..., None] * frequencies).flatten(1)
    return angles.cos(), angles.sin()


def _text_rope(
    model: Qwen2VLForConditionalGeneration, positions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines (B, 1, L, head / 2): time, height and width each turn a section of the channels."""
    rope = model.model.language_model.rotary_emb
    angles = positions[..., None].float() * rope.inv_freq.to(positions.device)
    parts = angles.split(rope.mrope_section, dim=-1)
    mixed = torch.cat([part[axis] for axis, part in enumerate(parts)], dim=-1)[:, None]
    return mixed.cos(), mixed.sin()
