"""The tiny CLAP: its sizes, first weights, the words it reads, how it hears, and the folder it is saved in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import ByteLevelBPETokenizer
from torch import nn
from transformers import (
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapTextConfig,
    RobertaTokenizer,
)

from alref_local.world.labels import SOUND_LABELS
from alref_local.world.tones import RATE

BINS: Final = 48
SECONDS: Final = 2  # heard at once
HOP: Final = 168  # samples: 191 frames, which the model stretches to 192
WIDTH: Final = 96  # of the space that both towers end in
SILENCE: Final = "silence"
LONGEST: Final = 96  # tokens of a text
SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
FIRST_SCALE: Final = 2.3  # the logarithm of 10: what cosines are multiplied by to begin with

CLASSES: Final = tuple(SOUND_LABELS)
_SHARED: Final = [label for labels in SOUND_LABELS.values() for label in labels]
NAMES: Final = {
    name: (name, *(label.lower() for label in labels if _SHARED.count(label) == 1 and label.lower() != name))
    for name, labels in SOUND_LABELS.items()
}
"""What each class is called: its own name first, then AudioSet's labels that mean no other class."""


def build_tokenizer() -> Any:
    """RoBERTa's bytes, with a token for every word of every name."""
    words = [word for names in NAMES.values() for word in names] + [SILENCE]
    trainer = ByteLevelBPETokenizer()
    lines = [*words, *(f"{SILENCE}, {word}" for word in words)]  # a name begins a text or follows a comma
    trainer.train_from_iterator(
        lines, vocab_size=1000, min_frequency=1, special_tokens=list(SPECIAL), show_progress=False
    )
    learnt = json.loads(trainer.to_str())["model"]
    merges = [tuple(pair) for pair in learnt["merges"]]
    return RobertaTokenizer(vocab=learnt["vocab"], merges=merges, model_max_length=LONGEST)


def build_extractor() -> Any:
    """Two seconds at once, the world's own rate; what is shorter is repeated."""
    return ClapFeatureExtractor(
        feature_size=BINS, sampling_rate=RATE, hop_length=HOP, max_length_s=SECONDS, fft_window_size=512,
        frequency_min=50, frequency_max=8_000, truncation="rand_trunc", padding="repeat",
    )  # fmt: skip


def build_config() -> ClapConfig:
    """0.93 million parameters: 24 x 24 patches of sound, two layers of text."""
    audio = ClapAudioConfig(
        num_mel_bins=BINS, spec_size=2 * BINS, window_size=6, patch_embeds_hidden_size=32, hidden_size=128,
        depths=[2, 2, 3], num_attention_heads=[2, 4, 8], num_hidden_layers=3, hidden_dropout_prob=0.0,
    )  # fmt: skip
    text = ClapTextConfig(
        vocab_size=len(build_tokenizer()), hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=192, max_position_embeddings=LONGEST + 2, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=WIDTH)


def build_model(seed: int) -> Any:
    """A CLAP that has learnt nothing, its layers as strong as they are wide."""
    torch.manual_seed(seed)
    model = ClapModel(build_config())
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_normal_(module.weight)
    for scale in (model.logit_scale_a, model.logit_scale_t):
        nn.init.constant_(scale, FIRST_SCALE)
    return model


def save_folder(model: Any, folder: Path) -> None:
    """Weights in float16, the tokenizer and how it hears, as a released CLAP has them."""
    kept = ClapModel(model.config)
    kept.load_state_dict(model.state_dict())
    kept.half().save_pretrained(folder)
    build_tokenizer().save_pretrained(folder)
    build_extractor().save_pretrained(folder)
