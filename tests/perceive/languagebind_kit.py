"""LanguageBinds whose weights follow from their names, as folders like the released ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import save_file

from tests.perceive.beats_kit import RECORDED, filled

ENDS: Final = (512, 513)
"""Tokens that begin and end a text of the small sizes; those below are bytes, inside a word and at its end."""
TEXTS: Final = ("dog", "train, cat")


def _told(text: Mapping[str, Any], vision: Mapping[str, Any], projection_dim: int) -> dict[str, Any]:
    """A ``config.json``; what it says of transformers' older ways is beside the point, as in the released ones."""
    heard = {"audio_mean": -4.2677393, "audio_std": 4.5689974, "audio_sample_rate": 16000}
    return {
        "model_type": "LanguageBindAudio", "projection_dim": projection_dim, "logit_scale_init_value": 2.6592,
        "text_config": {"bos_token_id": 0, "eos_token_id": 2, "top_k": 50, "hidden_act": "gelu", **text},
        "vision_config": {"add_time_attn": False, "num_frames": 1, "lora_dropout": 0.0, "hidden_act": "gelu",
                          "top_k": 50, **heard, **vision},
    }  # fmt: skip


def _sizes(width: int, inside: int, layers: int, heads: int, **other: Any) -> dict[str, Any]:
    return {
        "hidden_size": width, "intermediate_size": inside, "num_hidden_layers": layers, "num_attention_heads": heads,
        **other,
    }  # fmt: skip


_SMALL_TEXT = _sizes(32, 64, 2, 4, vocab_size=514, max_position_embeddings=16)
_LARGE_TEXT = _sizes(768, 3072, 12, 12, vocab_size=49408, max_position_embeddings=77)
_LARGE_VISION = _sizes(1024, 4096, 24, 16, patch_size=14, num_channels=3, target_length=1036)

CONFIGS: Final = {
    "tuned": _told(
        _SMALL_TEXT, _sizes(48, 96, 3, 4, patch_size=7, num_mel_bins=29, target_length=42, lora_r=0, lora_alpha=16), 24
    ),
    "lora": _told(
        _SMALL_TEXT, _sizes(32, 48, 2, 2, patch_size=14, num_mel_bins=28, target_length=28, lora_r=4, lora_alpha=8), 16
    ),
}  # fmt: skip
RELEASED: Final = {
    "LanguageBind_Audio_FT": _told(_LARGE_TEXT, {**_LARGE_VISION, "num_mel_bins": 112, "lora_r": 0}, 768),
    "LanguageBind_Audio": _told(
        _LARGE_TEXT, {**_LARGE_VISION, "num_mel_bins": 126, "lora_r": 16, "lora_alpha": 16}, 768
    ),
}


def shapes(size: str) -> dict[str, tuple[int, ...]]:
    """The original's parameters and buffers: names and shapes."""
    with np.load(RECORDED / "languagebind.npz") as recorded:
        lines = [str(line).split(" ", 1) for line in recorded[f"{size} tensors"]]
    return {name: tuple(json.loads(shape)) for name, shape in lines}


def weights(size: str) -> dict[str, torch.Tensor]:
    """What a checkpoint of this size holds, under the original's names."""
    return {
        name: torch.from_numpy(np.asarray(filled(name, shape)))
        for name, shape in shapes(size).items()
        if not name.endswith("position_ids")
    }


def save_folder(folder: Path, size: str, *, pickled: bool = False, **other: Any) -> Path:
    """A folder as released; ``other`` replaces parts of ``config.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIGS[size], **other}), encoding="utf-8")
    if pickled:
        torch.save(weights(size), folder / "pytorch_model.bin")
    else:
        save_file(weights(size), folder / "model.safetensors", metadata={"format": "pt"})
    _save_tokenizer(folder)
    return folder


def _save_tokenizer(folder: Path) -> None:
    """CLIP's, which merges nothing: one token for each letter, and others for a word's last letters."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(one) for one in printable] + [chr(256 + extra) for extra in range(256 - len(printable))]
    known = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: at for at, token in enumerate(known)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    begin, end = (
        {"__type": "AddedToken", "content": known[at], "lstrip": False, "normalized": True, "rstrip": False,
         "single_word": False}
        for at in ENDS
    )  # fmt: skip
    told = {
        "bos_token": begin, "eos_token": end, "unk_token": end, "pad_token": "<|endoftext|>", "do_lower_case": True,
        "model_max_length": 77, "tokenizer_class": "LanguageBindAudioTokenizer", "errors": "replace",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
