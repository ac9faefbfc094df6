"""The released networks at their real sizes, without their weights (on PyTorch's meta device)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from transformers import (
    ClapConfig,
    ClapModel,
    CLIPConfig,
    CLIPModel,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Sam2HieraDetConfig,
    Sam2VideoModel,
)

from alref_local.perceive.beats import BeatsConfig, BeatsModel
from alref_local.perceive.languagebind import LanguageBindConfig, LanguageBindModel
from tests.models.released_kit import CONFIGS, sam2
from tests.perceive.languagebind_kit import RELEASED

__all__ = ["NETWORKS", "count"]


def count(name: str) -> int:
    """Parameters of one released network."""
    with torch.device("meta"):
        return sum(weights.numel() for weights in NETWORKS[name]().parameters())


def _sam2s() -> Iterator[tuple[str, Callable[[], torch.nn.Module]]]:
    large = {"backbone_channel_list": [1152, 576, 288, 144]}
    base_plus = Sam2HieraDetConfig(
        hidden_size=112,
        embed_dim_per_stage=[112, 224, 448, 896],
        num_attention_heads_per_stage=[2, 4, 8, 16],
        blocks_per_stage=[2, 3, 16, 3],
        global_attention_blocks=[12, 16, 20],
        window_positional_embedding_background_size=[14, 14],
    )
    small = Sam2HieraDetConfig(blocks_per_stage=[1, 2, 11, 2], global_attention_blocks=[7, 10, 13])
    sizes: dict[str, tuple[Any, dict[str, Any]]] = {
        "tiny": (Sam2HieraDetConfig(), {}),
        "small": (small, {}),
        "base-plus": (base_plus, {"backbone_channel_list": [896, 448, 224, 112]}),
        "large": (CONFIGS["sam2-hiera-large"]().vision_config.backbone_config, large),
    }
    for size, (backbone, vision) in sizes.items():
        for version, prefix in (("2.0", "sam2"), ("2.1", "sam2.1")):
            config = sam2(backbone, version=version, **vision)
            yield f"facebook/{prefix}-hiera-{size}", partial(Sam2VideoModel, config)


def _qwen2(width: int, inside: int, heads: int, pairs: int, words: int, *, tied: bool) -> torch.nn.Module:
    text = {
        **_text(width, inside, 28, heads, pairs),
        "vocab_size": words,
        "tie_word_embeddings": tied,
    }
    vision = {"depth": 32, "embed_dim": 1280, "hidden_size": width, "num_heads": 16, "patch_size": 14}
    return Qwen2VLForConditionalGeneration(
        Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied)
    )


def _qwen3(width: int, inside: int, layers: int, heads: int) -> torch.nn.Module:
    text = {**_text(width, inside, layers, heads, 8), "head_dim": 128, "vocab_size": 151936}
    vision = {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "out_hidden_size": width}
    return Qwen3VLForConditionalGeneration(
        Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False)
    )


def _text(width: int, inside: int, layers: int, heads: int, pairs: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": inside,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": pairs,
    }


NETWORKS: dict[str, Callable[[], torch.nn.Module]] = {
    **dict(_sam2s()),
    "microsoft/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2": lambda: BeatsModel(BeatsConfig()),
    "laion/clap-htsat-unfused": lambda: ClapModel(ClapConfig()),
    "openai/clip-vit-base-patch32": lambda: CLIPModel(CLIPConfig()),
    "LanguageBind/LanguageBind_Audio_FT": lambda: LanguageBindModel(
        LanguageBindConfig.of(RELEASED["LanguageBind_Audio_FT"])
    ),
    "Qwen/Qwen2-VL-2B-Instruct": lambda: _qwen2(1536, 8960, 12, 2, 151936, tied=True),
    "Qwen/Qwen2-VL-7B-Instruct": lambda: _qwen2(3584, 18944, 28, 4, 152064, tied=False),
    "Qwen/Qwen3-VL-8B-Instruct": lambda: _qwen3(4096, 12288, 36, 32),
    "Qwen/Qwen3-VL-32B-Instruct": lambda: _qwen3(5120, 25600, 64, 64),
}
