"""How alike sounds and words are (the paper's equation 1): CLAP, or LanguageBind's audio and text towers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel, CLIPTokenizer

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.models.resolve import resolve
from alref_local.perceive import languagebind_files
from alref_local.perceive.device import torch_device
from alref_local.perceive.fbank import RATE
from alref_local.perceive.languagebind import picture
from alref_local.perceive.loading import family, load_model, load_part

__all__ = ["Alike", "Towers", "load_aligner"]

_TOGETHER: Final = 64  # texts that are read at once

Vectors = NDArray[np.float32]


class Towers(Protocol):
    """An audio and a text encoder that end in one space; their vectors are of unit length."""

    def hear(self, samples: NDArray[np.float32]) -> Vectors:
        """``(d,)`` of ``(n,)`` mono samples at 16 kHz, however few or many."""

    def read(self, texts: Sequence[str]) -> Vectors:
        """``(n, d)``."""


class Alike:
    """An ``Aligner`` that compares what two towers say."""

    def __init__(self, towers: Towers) -> None:
        self._towers = towers

    def similarity(self, segments: Sequence[NDArray[np.float32]], texts: Sequence[str]) -> Vectors:
        """``(n, m)`` float32 cosines of each segment with each text; one segment is heard at a time."""
        heard = [self._towers.hear(segment) for segment in segments]
        return np.stack(heard) @ self._read(texts).T if heard and texts else _none(segments, texts)

    def text_similarity(self, texts: Sequence[str], others: Sequence[str]) -> Vectors:
        """``(n, m)`` float32 cosines of each text with each other one."""
        return self._read(texts) @ self._read(others).T if texts and others else _none(texts, others)

    def _read(self, texts: Sequence[str]) -> Vectors:
        parts = (texts[start : start + _TOGETHER] for start in range(0, len(texts), _TOGETHER))
        return np.concatenate([self._towers.read(part) for part in parts])


def load_aligner(model: str, device: str = "cpu") -> Alike:
    """The aligner in a checkpoint, chosen by what its ``config.json`` says it is.

    Args:
        model: ``tiny:NAME``, a folder, or a hub name: a CLAP or an audio checkpoint of LanguageBind's.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        PrerequisiteError: the checkpoint, a file of it, or the device is not there.
        ConfigError: it is of another family, or broken, or a name is malformed.
    """
    where, folder = torch_device(device), resolve(model)
    match family(folder):
        case "clap":
            return Alike(_Clap(folder, where))
        case languagebind_files.FAMILY:
            return Alike(_LanguageBind(folder, where))
        case other:
            raise ConfigError(
                f"The checkpoint in '{folder}' is of type '{other}', which does not compare sounds with words.",
                hint="Name a CLAP (laion/clap-htsat-unfused, tiny:clap) or LanguageBind/LanguageBind_Audio_FT.",
            )


class _Clap:
    """CLAP (Wu et al. 2023, arXiv 2211.06687): sound longer than its window is the mean of its windows."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self._model = load_model(ClapModel, folder, model_type="clap", device=device)
        self._extractor = load_part(ClapFeatureExtractor, folder)
        self._tokenizer = _tokenizer(AutoTokenizer, folder)
        self._device = device

    def hear(self, samples: NDArray[np.float32]) -> Vectors:
        with torch.inference_mode():
            total = sum(len(window) * self._window(window) for window in self._windows(samples))
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)

    def _windows(self, samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Parts of the length that the model hears at once: it would hear any of a longer sound, by chance."""
        length = self._extractor.max_length_s * RATE
        whole = samples if len(samples) else np.zeros(1, np.float32)
        return (whole[start : start + length] for start in range(0, len(whole), length))

    def _window(self, samples: NDArray[np.float32]) -> Vectors:
        rate = self._extractor.sampling_rate
        common = gcd(rate, RATE)
        heard = resample_poly(samples, rate // common, RATE // common)
        given = self._extractor(heard, sampling_rate=rate, return_tensors="pt").to(self._device)
        features = self._model.get_audio_features(
            given["input_features"].float(), is_longer=given["is_longer"]
        )
        return np.asarray(features.pooler_output[0].cpu().numpy())

    def read(self, texts: Sequence[str]) -> Vectors:
        longest = self._model.config.text_config.max_position_embeddings - 2  # as RoBERTa counts places
        tokens = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode():
            features = self._model.get_text_features(
                tokens["input_ids"], attention_mask=tokens["attention_mask"]
            )
        return np.asarray(features.pooler_output.cpu().numpy())


class _LanguageBind:
    """LanguageBind's audio and text towers."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self._config, model = languagebind_files.read(folder)
        self._tokenizer = _tokenizer(CLIPTokenizer, folder)
        self._model = model.to(device)
        self._device = device

    def hear(self, samples: NDArray[np.float32]) -> Vectors:
        seen = torch.from_numpy(picture(samples, self._config)).unsqueeze(0)
        with torch.inference_mode():
            return np.asarray(self._model.hear(seen.to(self._device))[0].cpu().numpy())

    def read(self, texts: Sequence[str]) -> Vectors:
        longest = self._model.text_model.config.max_position_embeddings
        tokens = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode():
            features = self._model.read(tokens["input_ids"], tokens["attention_mask"])
        return np.asarray(features.cpu().numpy())


def _tokenizer(kind: Any, folder: Path) -> Any:
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        # transformers would make one that knows no letter, and go on.
        raise PrerequisiteError(
            f"The checkpoint folder '{folder}' holds neither tokenizer.json nor vocab.json.",
            hint="Download the whole checkpoint again, with its .json and .txt files.",
        )
    return load_part(kind, folder)


def _none(rows: Sequence[object], columns: Sequence[object]) -> Vectors:
    return np.zeros((len(rows), len(columns)), dtype=np.float32)
