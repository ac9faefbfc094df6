"""LanguageBind's audio and text towers (Zhu et al. 2023, arXiv 2310.01852): CLIP that looks at a spectrogram.

The layers are CLIP's of transformers, the parameters have the names of the released checkpoints. Ours are the oblong
grid of patches and the picture that is made of sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModel

from alref_local.perceive.fbank import HOP, RATE, WINDOW, fbank

__all__ = ["LanguageBindConfig", "LanguageBindModel", "picture"]

_BOTH: Final = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "layer_norm_eps"
)  # fmt: skip
_TEXT: Final = (*_BOTH, "vocab_size", "max_position_embeddings")
_VISION: Final = (*_BOTH, "patch_size", "num_channels")


@dataclass(frozen=True, slots=True)
class LanguageBindConfig:
    """What a released ``config.json`` says, as far as it matters here.

    Attributes:
        text, vision: sizes of the towers, as transformers names them.
        width: of the space that both end in.
        bins, frames: of the spectrogram.
        mean, deviation: of its values; it is divided by twice the deviation.
    """

    text: Mapping[str, Any]
    vision: Mapping[str, Any]
    width: int
    bins: int
    frames: int
    mean: float
    deviation: float

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Read from ``config.json``; a size that it does not tell is CLIP's base size, as in the original.

        Raises:
            KeyError: it does not tell what a spectrogram is.
            ValueError: it is of another kind than LanguageBind's released audio checkpoints.
        """
        text, vision = told["text_config"], told["vision_config"]
        if vision.get("add_time_attn") or vision.get("audio_sample_rate", RATE) != RATE:
            raise ValueError("its audio tower is not of the released kind")
        return cls(
            {name: text[name] for name in _TEXT if name in text},
            {name: vision[name] for name in _VISION if name in vision},
            told["projection_dim"],
            vision["num_mel_bins"], vision["target_length"], vision["audio_mean"], vision["audio_std"],
        )  # fmt: skip


class LanguageBindModel(nn.Module):  # type: ignore[misc]
    """Both towers and their projections; their embeddings are of unit length."""

    def __init__(self, config: LanguageBindConfig) -> None:
        super().__init__()
        # 2 tells transformers what the original does: the highest token's place sums a text up.
        self.text_model = CLIPTextModel(
            CLIPTextConfig(**config.text, bos_token_id=None, pad_token_id=None, eos_token_id=2)
        )
        vision = CLIPVisionConfig(**config.vision)
        self.vision_model = CLIPVisionModel(vision)
        self.vision_model.embeddings = _Patches(vision, config.bins, config.frames)
        self.visual_projection = nn.Linear(vision.hidden_size, config.width, bias=False)
        self.text_projection = nn.Linear(self.text_model.config.hidden_size, config.width, bias=False)

    def hear(self, pictures: torch.Tensor) -> torch.Tensor:
        """``(n, width)`` of ``(n, 3, bins, frames)`` float32 pictures of sound."""
        pooled = self.vision_model(pictures).pooler_output
        return F.normalize(self.visual_projection(pooled), dim=-1)

    def read(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """``(n, width)`` of ``(n, length)`` int64 tokens, of which those count that the mask has 1 for."""
        pooled = self.text_model(tokens, attention_mask=mask).pooler_output
        return F.normalize(self.text_projection(pooled), dim=-1)


class _Patches(nn.Module):  # type: ignore[misc]
    """Patches of an oblong picture, line by line, after one that stands for all; CLIP in transformers knows squares."""

    def __init__(self, config: CLIPVisionConfig, height: int, width: int) -> None:
        super().__init__()
        size, hidden = config.patch_size, config.hidden_size
        self.class_embedding = nn.Parameter(torch.zeros(hidden))
        self.patch_embedding = nn.Conv2d(config.num_channels, hidden, size, stride=size, bias=False)
        self.position_embedding = nn.Embedding(1 + (height // size) * (width // size), hidden)

    def forward(self, pictures: torch.Tensor, **_: Any) -> torch.Tensor:
        patches = self.patch_embedding(pictures).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(patches), 1, -1)
        return torch.cat([first, patches], dim=1) + self.position_embedding.weight


def picture(samples: NDArray[np.float32], config: LanguageBindConfig) -> NDArray[np.float32]:
    """``(3, bins, frames)`` float32: what the audio tower looks at.

    Short sound is repeated. Of long sound three stretches are seen, from its beginning, middle and end. The original
    draws each at random out of its third; here it is the middle one, so that the same sound is always seen alike.

    Args:
        samples: ``(n,)`` mono at 16 kHz in ``[-1, 1]``; what is too short for one frame is followed by silence.
        config: sizes, and the values' mean and deviation.
    """
    mean = samples.mean(dtype=np.float64) if len(samples) else 0.0
    centred = np.pad(samples - np.float32(mean), (0, max(0, WINDOW - len(samples))))
    places = np.arange(1 + (len(centred) - WINDOW) // HOP - config.frames + 1)
    thirds = np.array_split(places, 3) if len(places) else []
    starts = [int(third[len(third) // 2]) if len(third) else 0 for third in thirds] or [0]
    span = WINDOW + HOP * (config.frames - 1)
    seen = [_spectrum(centred[HOP * start :][:span], config) for start in starts]
    return np.stack(seen * (3 // len(seen)))


def _spectrum(samples: NDArray[np.float32], config: LanguageBindConfig) -> NDArray[np.float32]:
    """``(bins, frames)`` from low to high."""
    energies = fbank(samples, bins=config.bins, full_scale=1.0, power=1.0)
    seen = np.resize(energies, (config.frames, config.bins))  # repeats what is short
    return np.asarray((seen.T - config.mean) / (2 * config.deviation), dtype=np.float32)
