"""Record what the original LanguageBind gives, for ``test_languagebind.py``.

    PYTHONPATH=FOLDER:. python -m tests.perceive.record_languagebind

FOLDER holds ``languagebind/audio`` of PKU-YuanGroup's repository beside an empty ``languagebind/__init__.py``, and
``kaldi.py`` of torchaudio (``compliance/``). The original needs the transformers (4.31), peft (0.4) and einops of its
time; OpenCV, torchaudio and torchvision need not be installed.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch

from tests.perceive.beats_kit import RECORDED, filled, sound
from tests.perceive.languagebind_kit import CONFIGS, ENDS, RELEASED, TEXTS

SAMPLES = (6960, 4720, 3000, 400, 16_000)
"""Lengths: one picture of either size, shorter ones, and a longer one."""


def originals() -> tuple[Any, Any, Any]:
    """The original's modules: configs, model, and what makes pictures of sound."""
    for name in ("cv2", "torchaudio", "torchaudio.compliance", "torchvision"):
        sys.modules[name] = ModuleType(name)
    kaldi = import_module("kaldi")
    sys.modules["torchaudio"].compliance = sys.modules["torchaudio.compliance"]  # type: ignore[attr-defined]
    sys.modules["torchaudio"].set_audio_backend = lambda name: None  # type: ignore[attr-defined]
    sys.modules["torchaudio.compliance"].kaldi = kaldi  # type: ignore[attr-defined]
    sys.modules["torchvision"].transforms = None  # type: ignore[attr-defined]
    return tuple(
        import_module(f"languagebind.audio.{part}_audio")
        for part in ("configuration", "modeling", "processing")
    )  # type: ignore[return-value]


def tokens() -> list[list[int]]:
    """The small sizes' tokens of the texts, padded as the original pads."""
    begin, end = ENDS
    letters = {letter: ord(letter) - 33 for letter in map(chr, range(33, 127))}
    rows = []
    for text in TEXTS:
        words = text.replace(",", " ,").split()
        body = [letters[at] + 256 * (last == place) for word in words
                for last in [len(word) - 1] for place, at in enumerate(word)]  # fmt: skip
        rows.append([begin, *body, end])
    return [row + [end] * (16 - len(row)) for row in rows]


def record() -> None:
    """Write ``languagebind.npz``: samples, their pictures, each size's tensors and embeddings."""
    configuration, modeling, processing = originals()
    # The middle of each third, where the original draws.
    np.random.choice = lambda third: third[len(third) // 2]  # type: ignore[assignment]
    held: dict[str, Any] = {"tokens": tokens()}
    for number, length in enumerate(SAMPLES):
        held[f"samples {number}"] = np.round(sound(1.0, number)[:length] * 32768).astype(np.int16)
    for size, told in CONFIGS.items():
        model = modeling.LanguageBindAudio(configuration.LanguageBindAudioConfig(**told)).eval()
        state = model.state_dict()
        held[f"{size} tensors"] = listed(model)
        model.load_state_dict(
            {name: torch.from_numpy(np.asarray(filled(name, tuple(at.shape)))) for name, at in state.items()
             if not name.endswith("position_ids")}, strict=False,
        )  # fmt: skip
        look = processing.AudioTransform(SimpleNamespace(**told["vision_config"]))
        ids = torch.tensor(held["tokens"])
        with torch.inference_mode():
            read = model.get_text_features(ids, attention_mask=torch.ones_like(ids))
            held[f"{size} read"] = torch.nn.functional.normalize(read, dim=-1).numpy()
            for number in range(len(SAMPLES)):
                samples = torch.from_numpy(held[f"samples {number}"].astype(np.float32) / 32768)[None]
                seen = look((samples, 16_000))
                heard = model.get_image_features(seen[None])
                held[f"{size} picture {number}"] = seen.numpy().astype(np.float32)
                held[f"{size} heard {number}"] = torch.nn.functional.normalize(heard, dim=-1)[0].numpy()
    for size, told in RELEASED.items():
        with torch.device("meta"):
            held[f"{size} tensors"] = listed(
                modeling.LanguageBindAudio(configuration.LanguageBindAudioConfig(**told))
            )
    np.savez_compressed(RECORDED / "languagebind.npz", **held)


def listed(model: Any) -> list[str]:
    """Names and shapes of all tensors."""
    return [f"{name} {json.dumps(list(at.shape))}" for name, at in model.state_dict().items()]


if __name__ == "__main__":
    record()
