"""The tiny GroundingDINO: its sizes, first weights, vocabulary, and the folder it is saved in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import (
    BertConfig,
    BertTokenizerFast,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    SwinConfig,
)

from alref_local.world import CLASSES, COLOURS

SHORT_EDGE: Final = 192
LONG_EDGE: Final = 384
# transformers splits captions at these ids, whatever the tokenizer says.
FIXED_IDS: Final = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
VOCABULARY: Final = 1030
_TEXT: Final = """
a an the all both two three four five object objects thing things one ones of to in at on from by side and that
which is are small large big little tiny left right top bottom above below upper lower over under next
moving moves move going goes motion still stays stay staying standing stands not enters enter entering comes
coming leaves leaving turning up down making makes sound noise hear can you find show video picture , ' s i we
it with same other near farthest nearest appears hidden later into out away first last
"""
WORDS: Final = tuple(_TEXT.split())


def vocabulary() -> dict[str, int]:
    """Word to id; ids not in use are filled with [unusedN]."""
    names = [w for c in CLASSES for w in (c, f"{c}s")]
    ids = dict(FIXED_IDS)
    taken = set(ids.values())
    free = iter(i for i in range(200, VOCABULARY) if i not in taken)
    for word in dict.fromkeys((*names, *COLOURS, *WORDS)):
        ids.setdefault(word, next(free))
    used = set(ids.values())
    ids |= {f"[unused{i}]": i for i in range(VOCABULARY) if i not in used}
    return dict(sorted(ids.items(), key=lambda item: item[1]))


def build_config() -> GroundingDinoConfig:
    """2.75 million parameters; strides 16, 32 and 64 (252 tokens for a 256x192 picture)."""
    backbone = SwinConfig(
        image_size=256, patch_size=4, embed_dim=32, depths=[1, 1, 2, 1], num_heads=[1, 2, 4, 8], window_size=4,
        mlp_ratio=3.0, drop_path_rate=0.0, out_features=["stage3", "stage4"],
    )  # fmt: skip
    text = BertConfig(
        vocab_size=VOCABULARY, hidden_size=96, num_hidden_layers=2, num_attention_heads=4, intermediate_size=192,
        max_position_embeddings=256, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return GroundingDinoConfig(
        backbone_config=backbone, text_config=text, d_model=96, encoder_layers=2, decoder_layers=3,
        encoder_ffn_dim=256, decoder_ffn_dim=256, encoder_attention_heads=4, decoder_attention_heads=4,
        num_queries=30, num_feature_levels=3, dropout=0.0, fusion_droppath=0.0, max_text_len=256,
        disable_custom_kernels=True,
    )  # fmt: skip


def build_model() -> GroundingDinoForObjectDetection:
    """A model with first weights from which training from scratch starts to move at once."""
    model = GroundingDinoForObjectDetection(build_config())
    inner = model.model
    with torch.no_grad():
        for (
            layer
        ) in inner.encoder.layers:  # 1e-4 suits finetuning: from scratch text and picture would not meet
            layer.fusion_layer.vision_param.fill_(0.3)
            layer.fusion_layer.text_param.fill_(0.3)
        # The class head is a bare dot product: channel 0 serves as its bias, so that scores start near 0.03.
        text_norm = inner.encoder.layers[-1].text_enhancer_layer.layer_norm_after
        text_norm.weight.fill_(0.25)
        text_norm.bias[0] = -1.75
        for norm in (inner.enc_output_norm, inner.decoder.layer_norm):
            norm.bias[0] = 2.0
        inner.encoder_output_bbox_embed.layers[-1].bias[2:] = 1.2  # proposals start at the size of objects
        for head in model.bbox_embed:
            nn.init.zeros_(head.layers[-1].weight)
            nn.init.zeros_(head.layers[-1].bias)
    return model


def save_folder(weights: dict[str, torch.Tensor], folder: Path) -> None:
    """Write config, fp16 weights, tokenizer and image processor; the config asks for float32 at load time.

    `weights` is the model's state dict; shared tensors are written once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = build_config()
    config.architectures = ["GroundingDinoForObjectDetection"]
    config.dtype = torch.float32
    config.save_pretrained(folder)
    kept = {
        k: v.detach().half().cpu().contiguous() if v.is_floating_point() else v.cpu()
        for k, v in weights.items()
        if not k.startswith("model.decoder.bbox_embed.") and not _is_clone(k)
    }
    part = folder / "model.safetensors.part"
    save_file(kept, part, metadata={"format": "pt"})
    part.replace(folder / "model.safetensors")
    tokenizer = BertTokenizerFast(vocab=vocabulary(), do_lower_case=True, model_max_length=256)
    tokenizer.save_pretrained(folder)
    size = {"shortest_edge": SHORT_EDGE, "longest_edge": LONG_EDGE}
    GroundingDinoImageProcessorPil(size=size).save_pretrained(folder)
    file = folder / "preprocessor_config.json"
    names = {
        "image_processor_type": "GroundingDinoImageProcessor",
        "processor_class": "GroundingDinoProcessor",
    }
    file.write_text(json.dumps(json.loads(file.read_text()) | names, indent=2, sort_keys=True) + "\n")


def _is_clone(key: str) -> bool:
    """Box heads of later decoder layers share the first one's weights."""
    return key.startswith("bbox_embed.") and not key.startswith("bbox_embed.0.")
