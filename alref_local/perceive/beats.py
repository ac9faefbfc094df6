"""BEATs (Chen et al. 2022, arXiv 2212.09058): a transformer over patches of a spectrogram, and its classifier.

Parameters have the names of Microsoft's checkpoints. The variant is the one of every released checkpoint: norms
after each block with scaled residuals (DeepNorm), gated relative positions (both as in WavLM), exact GELU. There
is no dropout: what is released is fine-tuned already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["BeatsConfig", "BeatsModel"]

MEAN, DEVIATION = 15.41663, 6.55582
"""Of the filter bank over AudioSet; the original divides by twice the deviation."""

REQUIRED: Final = {
    "layer_norm_first": False,
    "relative_position_embedding": True,
    "gru_rel_pos": True,
    "activation_fn": "gelu",
    "finetuned_model": True,
}
"""What every released classifier has in common, and this code takes for granted."""


@dataclass(frozen=True, slots=True)
class BeatsConfig:
    """Sizes, under the names that Microsoft's ``cfg`` has for them; the defaults are the base model's (90.7M)."""

    input_patch_size: int = 16
    embed_dim: int = 512
    conv_bias: bool = False
    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    deep_norm: bool = True
    conv_pos: int = 128
    conv_pos_groups: int = 16
    num_buckets: int = 320
    max_distance: int = 800
    predictor_class: int = 527

    @classmethod
    def of(cls, cfg: Mapping[str, Any]) -> Self:
        """The sizes in a checkpoint's ``cfg``.

        Raises:
            ValueError: the checkpoint is of a variant that was never released as a classifier, or a size is missing.
        """
        if other := [name for name, value in REQUIRED.items() if cfg.get(name, value) != value]:
            raise ValueError(f"its {other[0]} is {cfg[other[0]]!r}")
        names = [one.name for one in fields(cls)]
        if missing := [name for name in names if name not in cfg]:
            raise ValueError(f"its config has no {missing[0]}")
        return cls(**{name: cfg[name] for name in names})


class BeatsModel(nn.Module):  # type: ignore[misc]
    """Spectrogram -> tokens -> probabilities of ``predictor_class`` labels."""

    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        size, width = config.input_patch_size, config.encoder_embed_dim
        self.patch_embedding = nn.Conv2d(1, config.embed_dim, size, stride=size, bias=config.conv_bias)
        self.layer_norm = nn.LayerNorm(config.embed_dim)
        if config.embed_dim != width:
            self.post_extract_proj = nn.Linear(config.embed_dim, width)
        else:
            self.post_extract_proj = nn.Identity()
        self.encoder = _Encoder(config)
        self.predictor = nn.Linear(width, config.predictor_class)

    def pooled(self, fbank: torch.Tensor) -> torch.Tensor:
        """``(batch, width)`` mean token of ``(batch, frames, 128)`` float32 filter banks (``fbank.fbank``)."""
        patches = self.patch_embedding(((fbank - MEAN) / (2 * DEVIATION)).unsqueeze(1))
        # One token per patch: low to high frequency, then on in time.
        tokens = self.layer_norm(patches.flatten(2).transpose(1, 2))
        return self.encoder(self.post_extract_proj(tokens)).mean(dim=1)

    def forward(self, fbank: torch.Tensor) -> torch.Tensor:
        """``(batch, labels)`` logits; a probability is the sigmoid.

        The original takes the mean of the tokens' logits, which is the logit of the mean token.
        """
        return self.predictor(self.pooled(fbank))


class _Encoder(nn.Module):  # type: ignore[misc]
    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        self.pos_conv = nn.Sequential(_PositionConv(config), nn.GELU())
        self.layer_norm = nn.LayerNorm(config.encoder_embed_dim)
        self.layers = nn.ModuleList(_Layer(config, index) for index in range(config.encoder_layers))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer_norm(x + self.pos_conv(x.transpose(1, 2)).transpose(1, 2))
        positions = self.layers[0].self_attn.positions(x.shape[1])
        for layer in self.layers:
            x = layer(x, positions)
        return x


class _PositionConv(nn.Module):  # type: ignore[misc]
    """Where a token lies, seen from its neighbours: a convolution whose weight is a direction times a length."""

    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        width, self.kernel, self.groups = config.encoder_embed_dim, config.conv_pos, config.conv_pos_groups
        self.weight_g = nn.Parameter(torch.ones(1, 1, self.kernel))
        self.weight_v = nn.Parameter(torch.randn(width, width // self.groups, self.kernel))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length = self.weight_v.norm(dim=(0, 1), keepdim=True)
        weight = self.weight_v * (self.weight_g / length)
        x_conv = F.conv1d(x, weight, self.bias, padding=self.kernel // 2, groups=self.groups)
        return x_conv[..., : x.shape[-1]]  # an even kernel gives one too many


class _Layer(nn.Module):  # type: ignore[misc]
    def __init__(self, config: BeatsConfig, index: int) -> None:
        super().__init__()
        width = config.encoder_embed_dim
        self.self_attn = _Attention(config, owns_positions=index == 0)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, config.encoder_ffn_embed_dim)
        self.fc2 = nn.Linear(config.encoder_ffn_embed_dim, width)
        self.final_layer_norm = nn.LayerNorm(width)
        self.residual = (2 * config.encoder_layers) ** 0.25 if config.deep_norm else 1.0

    def forward(self, x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        x = self.self_attn_layer_norm(x * self.residual + self.self_attn(x, positions))
        return self.final_layer_norm(x * self.residual + self.fc2(F.gelu(self.fc1(x))))


class _Attention(nn.Module):  # type: ignore[misc]
    """Self-attention with a relative position bias that each query weighs by itself (Chi et al. 2022, XLM-E)."""

    def __init__(self, config: BeatsConfig, *, owns_positions: bool) -> None:
        super().__init__()
        width, self.heads = config.encoder_embed_dim, config.encoder_attention_heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.grep_linear = nn.Linear(width // self.heads, 8)
        self.grep_a = nn.Parameter(torch.ones(1, self.heads, 1, 1))
        self.max_distance = config.max_distance
        if owns_positions:  # all layers share the first one's
            self.relative_attention_bias = nn.Embedding(config.num_buckets, self.heads)

    def positions(self, length: int) -> torch.Tensor:
        """``(heads, length, length)`` bias of every query (rows) and key before it is gated."""
        table = self.relative_attention_bias
        at = torch.arange(length, device=table.weight.device)
        buckets = _buckets(at[None] - at[:, None], table.num_embeddings, self.max_distance)
        return table(buckets).permute(2, 0, 1)

    def forward(self, x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        q, k, v = (self._split(project(x)) for project in (self.q_proj, self.k_proj, self.v_proj))
        halves = self.grep_linear(q).unflatten(-1, (2, 4)).sum(-1)
        update, reset = torch.sigmoid(halves).chunk(2, dim=-1)
        gate = update * (reset * self.grep_a - 1.0) + 2.0
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=gate * positions)
        return self.out_proj(attended.transpose(1, 2).flatten(2))

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """``(batch, length, width)`` to ``(batch, heads, length, width / heads)``."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _buckets(distance: torch.Tensor, buckets: int, max_distance: int) -> torch.Tensor:
    """The bucket of each distance, half of them for keys behind the query: single steps, then ever wider (T5)."""
    half = buckets // 2
    exact = half // 2
    far = distance.abs().clamp(min=exact)
    widening = torch.log(far.float() / exact) / math.log(max_distance / exact) * (half - exact)
    wide = (exact + widening.long()).clamp(max=half - 1)
    near = distance.abs()
    return torch.where(near < exact, near, wide) + half * (distance > 0)
