"""The tiny BEATs: its sizes, and first weights from which it learns in minutes.

The patches of a spectrogram differ most in loudness and least in what tells sounds apart. The patch embedding starts
with the principal components of drawn sound, each made as strong as the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from alref_local.perceive.audioset import audioset_names
from alref_local.perceive.beats import DEVIATION, MEAN, BeatsConfig, BeatsModel
from alref_local.perceive.fbank import BINS

CONFIG: Final = BeatsConfig(
    embed_dim=128, encoder_layers=4, encoder_embed_dim=96, encoder_ffn_embed_dim=384, encoder_attention_heads=4,
    conv_pos=48, conv_pos_groups=4, num_buckets=96, max_distance=320, predictor_class=len(audioset_names()),
)  # fmt: skip
PATCH: Final = CONFIG.input_patch_size
BANDS: Final = BINS // PATCH
RARE: Final = -4.0  # a label's logit to begin with: nearly all are never heard


def build_model(heard: Sequence[NDArray[np.float16]], seed: int) -> BeatsModel:
    """A BEATs that has seen the patches of some filter banks ``(frames, 128)``, and has learnt nothing."""
    torch.manual_seed(seed)
    model = BeatsModel(CONFIG)
    with torch.no_grad():
        _see(model, _patches(heard))
        _calm(model)
    return model


def _patches(heard: Sequence[NDArray[np.float16]]) -> torch.Tensor:
    """``(n, 8, 256)``: columns of patches from low to high, as the model sees them."""
    columns = [
        one[: len(one) // PATCH * PATCH].reshape(-1, PATCH, BANDS, PATCH).transpose(0, 2, 1, 3)
        for one in heard
    ]
    stacked = torch.from_numpy(np.concatenate(columns).astype(np.float32)).flatten(2)
    return (stacked - MEAN) / (2 * DEVIATION)


def _see(model: BeatsModel, patches: torch.Tensor) -> None:
    """Patch embedding: principal components, each as strong as the others."""
    flat = patches.flatten(0, 1)
    values, vectors = torch.linalg.eigh(torch.cov(flat.T))
    first = (
        vectors.T.flip(0)[: CONFIG.embed_dim]
        / values.flip(0)[: CONFIG.embed_dim, None].clamp(min=1e-5).sqrt()
    )
    model.patch_embedding.weight.copy_(first.view_as(model.patch_embedding.weight))
    nn.init.orthogonal_(model.post_extract_proj.weight)


def _calm(model: BeatsModel) -> None:
    """DeepNorm's first weights (Wang et al. 2022): what feeds the residuals begins small."""
    small = (8 * CONFIG.encoder_layers) ** -0.25
    for name, weight in model.encoder.layers.named_parameters():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            nn.init.xavier_normal_(weight)
        elif name.endswith(("v_proj.weight", "out_proj.weight", "fc1.weight", "fc2.weight")):
            nn.init.xavier_normal_(weight, gain=small)
    nn.init.normal_(model.encoder.layers[0].self_attn.relative_attention_bias.weight, std=0.02)
    nn.init.constant_(model.predictor.bias, RARE)
