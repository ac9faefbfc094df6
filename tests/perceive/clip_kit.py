"""A CLIP checkpoint with first weights and a vocabulary of few words."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, PreTrainedTokenizerFast

__all__ = ["WORDS", "write_clip"]

WORDS = ("the", "red", "blue", "dog", "ball", "on", "left", "that", "runs", "big")


def write_clip(folder: Path, seed: int = 0) -> Path:
    """Write it: pictures of 64 by 64 in patches of 8, four layers."""
    torch.manual_seed(seed)
    special = ["<start>", "<end>", "<unk>"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    config = CLIPConfig(
        text_config={
            "vocab_size": len(vocabulary), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1,
        },
        vision_config={
            "image_size": 64, "patch_size": 8, "hidden_size": 32, "intermediate_size": 64,
            "num_hidden_layers": 4, "num_attention_heads": 2,
        },
        projection_dim=16,
    )  # fmt: skip
    CLIPModel(config).save_pretrained(folder)
    words = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    words.post_processor = TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 0), ("<end>", 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<start>", eos_token="<end>", unk_token="<unk>", pad_token="<end>"
    ).save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 64}, crop_size=64).save_pretrained(folder)
    return folder
