"""The released sizes of SAM 2 as configs, for models of random weights: what they cost needs no download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    Sam2HieraDetConfig,
    Sam2VideoConfig,
    Sam2VideoMaskDecoderConfig,
    Sam2VideoModel,
    Sam2VideoPromptEncoderConfig,
    Sam2VisionConfig,
)

__all__ = ["SIZES", "random_checkpoint", "released_config"]

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"blocks_per_stage": [1, 2, 7, 2], "global_attention_blocks": [5, 7, 9]},
    "small": {"blocks_per_stage": [1, 2, 11, 2], "global_attention_blocks": [7, 10, 13]},
    "base-plus": {
        "hidden_size": 112,
        "embed_dim_per_stage": [112, 224, 448, 896],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 3, 16, 3],
        "global_attention_blocks": [12, 16, 20],
        "window_positional_embedding_background_size": [14, 14],
    },
    "large": {
        "hidden_size": 144,
        "embed_dim_per_stage": [144, 288, 576, 1152],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 6, 36, 4],
        "global_attention_blocks": [23, 33, 43],
        "window_size_per_stage": [8, 4, 16, 8],
    },
}


def released_config(name: str) -> Sam2VideoConfig:
    """Of ``sam2.1-large``, ``sam2-tiny``, ...

    Raises:
        KeyError: there is no such size.
    """
    version, _, size = name.partition("-")
    newer, backbone = version == "sam2.1", Sam2HieraDetConfig(**SIZES[size])
    return Sam2VideoConfig(
        vision_config=Sam2VisionConfig(
            backbone_config=backbone, backbone_channel_list=backbone.embed_dim_per_stage[::-1]
        ),
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(),
        enable_temporal_pos_encoding_for_object_pointers=newer,
        enable_occlusion_spatial_embedding=newer,
    )


def random_checkpoint(name: str, folder: Path) -> None:
    """Write a checkpoint of a released size, its weights drawn at random."""
    torch.manual_seed(0)
    Sam2VideoModel(released_config(name)).save_pretrained(folder)
