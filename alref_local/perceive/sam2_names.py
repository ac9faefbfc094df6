"""SAM 2's tensors by the names of the original package, from those of transformers.

The two hold the same tensors, but for two: the four kinds of points are one table in transformers, and it holds the
matrix of position codes twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import torch

__all__ = ["original_weights"]

_POINTS: Final = "prompt_encoder.point_embed.weight"
_TWIN: Final = "shared_image_embedding.positional_embedding"
"""The same as ``prompt_encoder.shared_embedding.positional_embedding``."""

_WHOLE: Final = {
    "memory_temporal_positional_encoding": "maskmem_tpos_enc",
    "no_memory_embedding": "no_mem_embed",
    "no_memory_positional_encoding": "no_mem_pos_enc",
    "no_object_pointer": "no_obj_ptr",
    "occlusion_spatial_embedding_parameter": "no_obj_embed_spatial",
    "prompt_encoder.shared_embedding.positional_embedding": (
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    ),
}
_PARTS: Final[tuple[tuple[str, str], ...]] = (
    ("vision_encoder.backbone.patch_embed.projection.", "image_encoder.trunk.patch_embed.proj."),
    ("vision_encoder.backbone.", "image_encoder.trunk."),
    ("vision_encoder.neck.", "image_encoder.neck."),
    ("prompt_encoder.mask_embed.conv1.", "sam_prompt_encoder.mask_downscaling.0."),
    ("prompt_encoder.mask_embed.layer_norm1.", "sam_prompt_encoder.mask_downscaling.1."),
    ("prompt_encoder.mask_embed.conv2.", "sam_prompt_encoder.mask_downscaling.3."),
    ("prompt_encoder.mask_embed.layer_norm2.", "sam_prompt_encoder.mask_downscaling.4."),
    ("prompt_encoder.mask_embed.conv3.", "sam_prompt_encoder.mask_downscaling.6."),
    ("prompt_encoder.", "sam_prompt_encoder."),
    ("mask_decoder.upscale_conv1.", "sam_mask_decoder.output_upscaling.0."),
    ("mask_decoder.upscale_layer_norm.", "sam_mask_decoder.output_upscaling.1."),
    ("mask_decoder.upscale_conv2.", "sam_mask_decoder.output_upscaling.3."),
    ("mask_decoder.", "sam_mask_decoder."),
    ("memory_encoder.feature_projection.", "memory_encoder.pix_feat_proj."),
    ("memory_encoder.projection.", "memory_encoder.out_proj."),
    ("memory_encoder.memory_fuser.", "memory_encoder.fuser."),
    ("object_pointer_proj.", "obj_ptr_proj."),
    ("temporal_positional_encoding_projection_layer.", "obj_ptr_tpos_proj."),
)
"""Where a name begins so, the first that fits."""

_HEADS: Final = r"(iou_prediction_head|output_hypernetworks_mlps\.\d+|pred_obj_score_head|obj_ptr_proj)"
_WITHIN: Final[tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = (
    (r"(neck\.convs\.\d+)\.", r"\1.conv."),
    (r"mask_downsampler\.layers\.(\d+)\.conv\.", lambda of: f"mask_downsampler.encoder.{3 * int(of[1])}."),
    (
        r"mask_downsampler\.layers\.(\d+)\.layer_norm\.",
        lambda of: f"mask_downsampler.encoder.{3 * int(of[1]) + 1}.",
    ),
    (r"mask_downsampler\.final_conv\.", "mask_downsampler.encoder.12."),
    (r"\.depthwise_conv\.", ".dwconv."),
    (r"\.pointwise_conv(\d)\.", r".pwconv\1."),
    (r"(fuser\.layers\.\d+)\.scale$", r"\1.gamma"),
    (r"\.mlp\.proj_in\.", ".mlp.layers.0."),
    (r"\.mlp\.proj_out\.", ".mlp.layers.1."),
    (rf"{_HEADS}\.layers\.0\.", r"\1.layers.1."),
    (rf"{_HEADS}\.proj_in\.", r"\1.layers.0."),
    (rf"{_HEADS}\.proj_out\.", r"\1.layers.2."),
    (r"\.layer_norm", ".norm"),
    (r"\.o_proj\.", ".out_proj."),
)
"""Wherever it is found in a name, all that fit in this order."""


def original_weights(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict of the original package's model from that of a ``Sam2VideoModel``."""
    renamed = {_original(name): value for name, value in weights.items() if name not in (_POINTS, _TWIN)}
    for kind, row in enumerate(weights[_POINTS]):
        renamed[f"sam_prompt_encoder.point_embeddings.{kind}.weight"] = row[None]
    return renamed


def _original(name: str) -> str:
    if name in _WHOLE:
        return _WHOLE[name]
    for mine, theirs in _PARTS:
        if name.startswith(mine):
            name = theirs + name.removeprefix(mine)
            break
    for pattern, replacement in _WITHIN:
        name = re.sub(pattern, replacement, name)
    return name
