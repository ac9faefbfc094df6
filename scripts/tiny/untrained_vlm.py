"""Untrained tiny vision-language models in the file formats of the released ones, made from a seed in seconds.

What they say means nothing, but servers and libraries load them as they load the real checkpoints: for tests of
grammars, protocols, faults and speed. ``python scripts/tiny/untrained_vlm.py FOLDER`` writes one.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from alref_local.reason.prompts import load_prompts

__all__ = ["FAMILIES", "THINKING", "llava", "qwen2_5_vl", "qwen2_vl", "qwen3_vl", "qwen_tokenizer"]

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MARKS = ("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")
REASONING = ("<think>", "</think>")
MERGED = 800
"""Byte tokens and learned merges together; the special tokens come on top."""

_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
_TURNS = """\
{%- for message in messages %}
{%- if loop.first and message.role != 'system' %}
{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string %}{{ message.content }}{% else %}
{%- for part in message.content %}
{%- if part.type in ('image', 'image_url') %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}
{%- elif part.type == 'text' %}{{ part.text }}{% endif %}
{%- endfor %}{% endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
"""
CHAT = _TURNS + "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
"""ChatML with pictures, as Qwen2-VL's template writes it."""

THINKING = (
    _TURNS
    + """\
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}
{%- if enable_thinking is defined and not enable_thinking %}{{ '\\n</think>\\n\\n' }}{% endif %}{% endif %}"""
)
"""The same with reasoning already opened, as the templates of thinking models have it."""


def qwen2_vl(folder: Path, seed: int = 0, chat_template: str = CHAT, width: int = 128) -> None:
    """Qwen2-VL: two text layers (``width`` is a multiple of 64), two vision layers of width 64."""
    tokenizer = qwen_tokenizer(chat_template)
    config = Qwen2VLConfig(
        text_config=_qwen_text(tokenizer, width),
        vision_config={
            "depth": 2,
            "embed_dim": 64,
            "hidden_size": width,
            "num_heads": 2,
            "mlp_ratio": 2,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
        **_qwen_ids(tokenizer),
    )
    torch.manual_seed(seed)
    model = Qwen2VLForConditionalGeneration(config)
    _save_qwen(folder, model, tokenizer, "Qwen2VLProcessor", patch=14)


def qwen2_5_vl(folder: Path, seed: int = 0, chat_template: str = CHAT) -> None:
    """Qwen2.5-VL: the same sizes; the first vision layer looks through windows of 4 x 4 patches."""
    tokenizer = qwen_tokenizer(chat_template)
    vision = {**_QWEN_VISION, "intermediate_size": 128, "window_size": 56, "fullatt_block_indexes": [1]}
    config = Qwen2_5_VLConfig(text_config=_qwen_text(tokenizer), vision_config=vision, **_qwen_ids(tokenizer))
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(config)
    _save_qwen(folder, model, tokenizer, "Qwen2_5_VLProcessor", patch=14)


def qwen3_vl(folder: Path, seed: int = 0, chat_template: str = CHAT) -> None:
    """Qwen3-VL: the same sizes; the first vision layer also feeds the first text layer."""
    tokenizer = qwen_tokenizer(chat_template)
    vision = {**_QWEN_VISION, "intermediate_size": 128, "patch_size": 16, "deepstack_visual_indexes": [0]}
    config = Qwen3VLConfig(
        text_config={**_qwen_text(tokenizer), "head_dim": 64},
        vision_config={**vision, "num_position_embeddings": 64},
        **_qwen_ids(tokenizer),
    )
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(config)
    _save_qwen(folder, model, tokenizer, "Qwen3VLProcessor", patch=16)


def llava(folder: Path, seed: int = 0, chat_template: str = CHAT) -> None:
    """LLaVA 1.5: CLIP and Llama, two layers each; the tokenizer is a sentencepiece file and nothing else."""
    pieces = _write_sentencepiece(folder, chat_template.replace(_PICTURE, "<image>\\n"))
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": pieces + 1}
    text = {"model_type": "llama", "vocab_size": pieces + 2, "max_position_embeddings": 8192, **ends}
    wide = {"hidden_size": 128, "intermediate_size": 256}
    vision = {"model_type": "clip_vision_model", "image_size": 56, "patch_size": 14, "projection_dim": 64}
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlavaConfig(
        text_config={**text, **wide, **layers},
        vision_config={**vision, **layers, "hidden_size": 64, "intermediate_size": 128},
        image_token_index=pieces,
        image_seq_length=16,
    )
    torch.manual_seed(seed)
    _save_weights(folder, LlavaForConditionalGeneration(config), [2], pieces + 1)
    sides = {"size": {"shortest_edge": 56}, "crop_size": {"height": 56, "width": 56}}
    kind = {"image_processor_type": "CLIPImageProcessor", "processor_class": "LlavaProcessor"}
    _write(folder / "preprocessor_config.json", {**kind, **sides, **_CLIP_COLOURS})
    features = {"vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    _write(folder / "processor_config.json", {**features, "patch_size": 14})


FAMILIES: dict[str, Callable[[Path, int, str], None]] = {
    "qwen2-vl": qwen2_vl,
    "qwen2.5-vl": qwen2_5_vl,
    "qwen3-vl": qwen3_vl,
    "llava": llava,
}
"""Writers of checkpoint folders: ``write(folder, seed, chat_template)``."""


@cache
def _byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a byte-level BPE that knows the words of the bundled prompts."""
    bare = Qwen2Tokenizer()._tokenizer
    learned = Tokenizer(models.BPE())
    learned.normalizer, learned.pre_tokenizer = bare.normalizer, bare.pre_tokenizer
    learned.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=MERGED, initial_alphabet=alphabet, show_progress=False)
    learned.train_from_iterator(load_prompts("alref").templates.values(), trainer)
    model = json.loads(learned.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]


def qwen_tokenizer(chat_template: str = CHAT) -> Qwen2Tokenizer:
    """A Qwen2 tokenizer with Qwen's special tokens and about ``MERGED`` others."""
    vocabulary, merges = _byte_pairs()
    tokenizer = Qwen2Tokenizer(vocabulary, merges, eos_token="<|im_end|>", model_max_length=32768)
    tokenizer.add_special_tokens({"additional_special_tokens": [*SPECIAL, *MARKS]})
    tokenizer.add_tokens(list(REASONING))  # ordinary tokens in the released models too
    tokenizer.chat_template = chat_template
    return tokenizer


def _qwen_text(tokenizer: Qwen2Tokenizer, width: int = 128) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": width // 64,
        "num_key_value_heads": 1,
        "max_position_embeddings": 8192,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]},
        "bos_token_id": tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        "eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
    }


def _qwen_ids(tokenizer: Qwen2Tokenizer) -> dict[str, int]:
    names = ("image_pad", "video_pad", "vision_start", "vision_end")
    keys = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    ids = tokenizer.convert_tokens_to_ids([f"<|{name}|>" for name in names])
    return dict(zip(keys, ids, strict=True))


_CLIP_COLOURS = {"image_mean": OPENAI_CLIP_MEAN, "image_std": OPENAI_CLIP_STD}
_QWEN_VISION = {
    "depth": 2,
    "hidden_size": 64,
    "out_hidden_size": 128,
    "num_heads": 2,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}


def _write_sentencepiece(folder: Path, chat_template: str) -> int:
    """Learn a sentencepiece model from the bundled prompts; returns its number of pieces.

    ``<image>`` and ``<pad>`` follow the pieces, as in LLaVA.
    """
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    learned = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(load_prompts("alref").templates.values()),
        model_writer=learned,
        model_type="bpe",
        vocab_size=MERGED,
        hard_vocab_limit=False,
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(learned.getvalue())
    pieces: int = SentencePieceProcessor(model_proto=learned.getvalue()).get_piece_size()
    marks = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    added = {str(pieces): _special("<image>"), str(pieces + 1): _special("<pad>")}
    settings = {"tokenizer_class": "LlamaTokenizer", "legacy": False, "add_bos_token": True}
    template = {"chat_template": chat_template, "image_token": "<image>"}
    _write(folder / "tokenizer_config.json", {**settings, **marks, **template, "added_tokens_decoder": added})
    return pieces


def _special(content: str) -> dict[str, Any]:
    flags = dict.fromkeys(("lstrip", "rstrip", "normalized", "single_word"), False)
    return {"content": content, "special": True, **flags}


def _save_qwen(folder: Path, model: Any, tokenizer: Any, processor: str, patch: int) -> None:
    pixels = {"min_pixels": (4 * patch) ** 2, "max_pixels": 256 * (2 * patch) ** 2, "patch_size": patch}
    kind = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": processor}
    _save_weights(folder, model, [tokenizer.eos_token_id, tokenizer.pad_token_id], tokenizer.pad_token_id)
    tokenizer.save_pretrained(folder)
    settings = {**kind, **_CLIP_COLOURS, "temporal_patch_size": 2, "merge_size": 2, **pixels}
    _write(folder / "preprocessor_config.json", settings)


def _save_weights(folder: Path, model: Any, eos: list[int], pad: int) -> None:
    """Write bfloat16 weights, and sampling defaults as timid as the released ones.

    With ``top_k`` 1 a request that leaves the sampling parameters out is answered greedily at any temperature,
    so that a client that forgets them is found out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.lm_head.weight.data.mul_(8)  # spreads the scores: greedy choices are stable, sampling stays lively
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.01, top_p=0.001, top_k=1, eos_token_id=eos, pad_token_id=pad
    )
    model.to(torch.bfloat16).save_pretrained(folder)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family", choices=FAMILIES, default="qwen2-vl")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--thinking", action="store_true", help="a chat template that opens <think>")
    given = parser.parse_args()
    FAMILIES[given.family](given.folder, given.seed, THINKING if given.thinking else CHAT)


if __name__ == "__main__":
    main()
