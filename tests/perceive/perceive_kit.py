"""Tiny random GroundingDINO and SAM 2 checkpoints, and a video held in an array."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    BertConfig,
    BertTokenizerFast,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    Sam2HieraDetConfig,
    Sam2VideoConfig,
    Sam2VideoMaskDecoderConfig,
    Sam2VideoModel,
    Sam2VideoPromptEncoderConfig,
    Sam2VisionConfig,
    SwinConfig,
)

from alref_local.types import Image

SIDE = 64
"""Input side of the tiny SAM 2."""


class ArrayVideo:
    """A ``VideoReader`` over ``(n, H, W, 3)`` uint8 frames."""

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self.array = frames
        self.array.flags.writeable = False

    name = "array"
    fps = 10.0

    @property
    def size(self) -> tuple[int, int]:
        return self.array.shape[1], self.array.shape[2]

    def __len__(self) -> int:
        return len(self.array)

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        return self.array[list(indices)]

    def stream(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[int, Image]]:
        order = range(start, len(self) if stop is None else stop)
        for index in reversed(order) if reverse else order:
            yield index, self.array[index]

    def timestamps(self) -> NDArray[np.float64]:
        return np.arange(len(self)) / self.fps

    def frame_name(self, index: int) -> str:
        return f"{index:05d}"


def noise_video(length: int, size: tuple[int, int] = (40, 60), seed: int = 0) -> ArrayVideo:
    """Frames of noise: no two alike, so that a frame taken for another shows in the logits."""
    generator = np.random.default_rng(seed)
    return ArrayVideo(generator.integers(0, 256, (length, *size, 3), dtype=np.uint8))


def sam2_config(**changes: Any) -> Sam2VideoConfig:
    """About a million parameters; memory of 3 masks and 5 pointers, so that short videos outgrow it."""
    stride, hidden = SIDE // 4, 128
    backbone = Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 4],
        window_size_per_stage=[8, 4, 2, 2],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        fpn_hidden_size=hidden,
        backbone_feature_sizes=[[stride, stride], [stride // 2, stride // 2], [stride // 4, stride // 4]],
    )
    return Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(
            hidden_size=hidden, image_size=SIDE, patch_size=16, mask_input_channels=8
        ),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(
            hidden_size=hidden, mlp_dim=64, num_attention_heads=2, iou_head_hidden_dim=32
        ),
        image_size=SIDE,
        memory_attention_hidden_size=hidden,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=64,
        memory_attention_rope_feat_sizes=[SIDE // 16] * 2,
        memory_encoder_hidden_size=hidden,
        memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=hidden,
        memory_fuser_embed_dim=hidden,
        memory_fuser_intermediate_dim=64,
        memory_fuser_num_layers=1,
        **{"num_maskmem": 3, "max_object_pointers_in_encoder": 5, **changes},
    )


def sam2_model(**changes: Any) -> Sam2VideoModel:
    """Random weights large enough that prompts, memories and pointers all move the logits."""
    torch.manual_seed(0)
    model = Sam2VideoModel(sam2_config(**changes)).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=0.5 if "embed" in name else weights[0].numel() ** -0.5)
        for name in ("no_memory_embedding", "memory_temporal_positional_encoding", "no_object_pointer"):
            torch.nn.init.normal_(getattr(model, name), std=0.5)
        # Some frames then count as absent, some as present.
        model.mask_decoder.pred_obj_score_head.proj_out.bias -= 0.67
        model.shared_image_embedding.positional_embedding.copy_(
            model.prompt_encoder.shared_embedding.positional_embedding
        )
    return model


def save_dino(folder: Path) -> None:
    """A checkpoint folder with tokenizer and processor files named as in the released ones."""
    torch.manual_seed(0)
    text = BertConfig(
        vocab_size=1100,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    vision = SwinConfig(
        image_size=64,
        embed_dim=16,
        depths=[1] * 4,
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_indices=[2, 3, 4],
    )
    config = GroundingDinoConfig(
        backbone_config=vision,
        text_config=text,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=20,
        max_text_len=32,
    )
    model = GroundingDinoForObjectDetection(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=1.5 * weights[0].numel() ** -0.5)
    model.save_pretrained(folder)
    _tokenizer(folder).save_pretrained(folder)
    GroundingDinoImageProcessorPil(size={"shortest_edge": 96, "longest_edge": 160}).save_pretrained(folder)
    # Released files carry the plain class name.
    path = folder / "preprocessor_config.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(
        json.dumps({**saved, "image_processor_type": "GroundingDinoImageProcessor"}), encoding="utf-8"
    )


def _tokenizer(folder: Path) -> BertTokenizerFast:
    """WordPiece with BERT's ids of [CLS], [SEP], . and ?, which GroundingDINO has built in."""
    words = [f"[unused{i}]" for i in range(1100)]
    known = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    for index, word in {
        **known,
        **dict(enumerate(["a", "the", "red", "blue", "dog", "cat", "left", "of", "ball"], 200)),
    }.items():
        words[index] = word
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(words), encoding="utf-8")
    return BertTokenizerFast(vocab=str(vocabulary), do_lower_case=True)
