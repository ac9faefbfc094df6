"""The released checkpoints as the hub publishes them: configs, and what their safetensors files hold.

``released/NAME.json`` maps each tensor name, with its numbers cut out, to shapes, and each shape to the numbers:
``{"layers.{}.fc1.weight": {"64 32": "0 1 2"}}``. The names are those of the published files, which newer
transformers rename while loading.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

from transformers import (
    BertConfig,
    GroundingDinoConfig,
    Sam2HieraDetConfig,
    Sam2VideoConfig,
    Sam2VideoMaskDecoderConfig,
    Sam2VideoPromptEncoderConfig,
    Sam2VisionConfig,
    SwinConfig,
)

Shape = tuple[int, ...]

SAM2_BUFFERS = 512
"""Positional embedding of prompts and of the image, 2 x 128 each; files hold them, and they are no parameters."""


def tensors(name: str) -> dict[str, Shape]:
    """Name and shape of every tensor of one released checkpoint."""
    folded = json.loads((Path(__file__).parent / "released" / f"{name}.json").read_text(encoding="utf-8"))
    return {
        template.format(*numbers.split(".")): tuple(map(int, shape.split()))
        for template, shapes in folded.items()
        for shape, indices in shapes.items()
        for numbers in indices.split() or [""]
    }


def write_checkpoint(folder: Path, name: str) -> None:
    """``config.json`` and a ``model.safetensors`` full of zeros (sparse: it takes no room on the disk)."""
    CONFIGS[name]().save_pretrained(folder)
    header, offset = {}, 0
    for key, shape in tensors(name).items():
        end = offset + 4 * prod(shape)
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + offset)


def sam2(backbone: Sam2HieraDetConfig, *, version: str, **vision: Any) -> Sam2VideoConfig:
    """The config of SAM 2 with this backbone, ``version`` 2.0 or 2.1."""
    return Sam2VideoConfig(
        vision_config=Sam2VisionConfig(backbone_config=backbone, **vision),
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(),
        enable_temporal_pos_encoding_for_object_pointers=version == "2.1",
        enable_occlusion_spatial_embedding=version == "2.1",
    )


def _sam2_large() -> Sam2VideoConfig:
    backbone = Sam2HieraDetConfig(
        hidden_size=144,
        embed_dim_per_stage=[144, 288, 576, 1152],
        num_attention_heads_per_stage=[2, 4, 8, 16],
        blocks_per_stage=[2, 6, 36, 4],
        global_attention_blocks=[23, 33, 43],
        window_positional_embedding_background_size=[7, 7],
        window_size_per_stage=[8, 4, 16, 8],
    )
    return sam2(backbone, version="2.0", backbone_channel_list=[1152, 576, 288, 144])


def _dino(**swin: Any) -> GroundingDinoConfig:
    return GroundingDinoConfig(
        backbone_config=SwinConfig(out_indices=[2, 3, 4], **swin), text_config=BertConfig()
    )


CONFIGS: dict[str, Callable[[], Any]] = {
    "sam2-hiera-large": _sam2_large,
    "sam2.1-hiera-tiny": lambda: sam2(Sam2HieraDetConfig(), version="2.1"),
    "grounding-dino-tiny": lambda: _dino(
        image_size=224, embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24], window_size=7
    ),
    "grounding-dino-base": lambda: _dino(
        image_size=384, embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32], window_size=12
    ),
}
