"""BEATs of two sizes whose weights follow from their names, and what the original implementation makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from alref_local.perceive.beats import REQUIRED, BeatsConfig, BeatsModel
from alref_local.perceive.beats_files import BeatsCheckpoint, write_folder

RECORDED: Final = Path(__file__).parent / "recorded"
CONFIGS: Final = {
    "base": BeatsConfig(),
    "small": BeatsConfig(
        embed_dim=24, encoder_layers=3, encoder_embed_dim=32, encoder_ffn_embed_dim=48, encoder_attention_heads=4,
        conv_pos=15, conv_pos_groups=4, num_buckets=24, max_distance=40, predictor_class=527, conv_bias=True,
    ),
    "square": BeatsConfig(
        embed_dim=32, encoder_layers=2, encoder_embed_dim=32, encoder_ffn_embed_dim=64, encoder_attention_heads=2,
        conv_pos=16, conv_pos_groups=2, num_buckets=320, max_distance=800, predictor_class=11, deep_norm=False,
    ),
}  # fmt: skip


def filled(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The tensor that belongs to a parameter's name and shape, of a size that keeps every part of the network alive."""
    seed = int.from_bytes(sha256(f"{name} {shape}".encode()).digest()[:8], "little")
    count = math.prod(shape)
    raw = np.random.PCG64(seed).random_raw((count + 1) // 2).view(np.uint32)[:count]
    noise = (raw.astype(np.float32) / np.float32(2**31) - 1).reshape(shape)
    if name.endswith(("grep_a", "weight_g")):
        return np.float32(1) + noise * np.float32(0.5)
    if len(shape) == 1:  # only norms have weights of one dimension
        return noise * np.float32(0.1) + np.float32(name.endswith("weight"))
    if name.endswith("relative_attention_bias.weight"):
        return noise
    return noise * np.float32(math.sqrt(3 / math.prod(shape[1:])))


def weights(config: BeatsConfig) -> dict[str, torch.Tensor]:
    """Every parameter of a BEATs of this size."""
    with torch.device("meta"):
        shapes = BeatsModel(config).state_dict()
    return {name: torch.from_numpy(filled(name, tuple(at.shape))) for name, at in shapes.items()}


def repeated(config: BeatsConfig) -> list[str]:
    """What Microsoft's files name though it is the first layer's."""
    return [
        f"encoder.layers.{layer}.self_attn.relative_attention_bias.weight"
        for layer in range(1, config.encoder_layers)
    ]


def save_pt(file: Path, config: BeatsConfig, mids: Sequence[str], **other: Any) -> Path:
    """A file as Microsoft's are; ``other`` replaces or adds what it holds, ``None`` takes it out."""
    tensors = weights(config)
    tensors |= dict.fromkeys(
        repeated(config), tensors["encoder.layers.0.self_attn.relative_attention_bias.weight"]
    )
    cfg = {**asdict(config), **REQUIRED, "dropout": 0.0, "encoder_layerdrop": 0.05}
    held = {"cfg": cfg, "model": tensors, "label_dict": dict(enumerate(mids)), **other}
    torch.save({name: value for name, value in held.items() if value is not None}, file)
    return file


def save_folder(folder: Path, config: BeatsConfig, labels: Sequence[str]) -> Path:
    """A checkpoint folder."""
    write_folder(BeatsCheckpoint(folder, config, tuple(labels), weights(config)), folder)
    return folder


def sound(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """``(n,)`` float32: a rising tone with overtones under noise, louder and softer."""
    rng = np.random.default_rng(seed)
    at = np.arange(round(16_000 * seconds)) / 16_000
    tone = sum(np.sin(2 * np.pi * k * (200 + 150 * at) * at + seed) / k for k in (1, 2, 3, 5))
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * at)
    return np.asarray(0.2 * swell * tone + 0.02 * rng.standard_normal(len(at)), dtype=np.float32)
