"""Record what the original BEATs gives, for ``test_beats.py`` and ``test_fbank.py``.

    python -m tests.perceive.record_beats FOLDER

FOLDER holds ``BEATs.py``, ``backbone.py`` and ``modules.py`` of Microsoft's ``unilm`` (``beats/``) and ``kaldi.py`` of
torchaudio (``compliance/``), which need not be installed: none of its compiled code is used.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from alref_local.perceive.beats import REQUIRED
from tests.perceive.beats_kit import CONFIGS, RECORDED, sound, weights

SECONDS = (2.0, 0.3)


def original(folder: Path) -> Any:
    """The original's module, listening through torchaudio's own filter bank."""
    sys.path.insert(0, str(folder))
    for name in ("torchaudio", "torchaudio.compliance"):
        sys.modules[name] = ModuleType(name)
    kaldi = import_module("kaldi")
    sys.modules["torchaudio.compliance"].kaldi = sys.modules["torchaudio.compliance.kaldi"] = kaldi  # type: ignore[attr-defined]
    return import_module("BEATs")


def record(module: Any) -> None:
    """Write ``beats.npz``: 16-bit samples, their filter banks, each size's tensors and probabilities."""
    held: dict[str, Any] = {}
    for number, seconds in enumerate(SECONDS):
        held[f"samples {number}"] = np.round(sound(seconds, number) * 32768).astype(np.int16)
    for size, config in CONFIGS.items():
        told = {**asdict(config), **REQUIRED}
        model = module.BEATs(module.BEATsConfig(told)).eval()
        report = model.load_state_dict(weights(config), strict=False)
        assert not report.unexpected_keys
        held[f"{size} tensors"] = [f"{name} {tuple(at.shape)}" for name, at in model.state_dict().items()]
        assert all(name.endswith("relative_attention_bias.weight") for name in report.missing_keys)
        for number in range(len(SECONDS)):
            samples = torch.from_numpy(held[f"samples {number}"].astype(np.float32) / 32768)[None]
            with torch.inference_mode():
                held[f"fbank {number}"] = model.preprocess(samples, 0.0, 0.5)[0].numpy()
                held[f"{size} {number}"] = model.extract_features(samples)[0][0].numpy()
    RECORDED.mkdir(exist_ok=True)
    np.savez_compressed(RECORDED / "beats.npz", **held)


if __name__ == "__main__":
    record(original(Path(sys.argv[1])))
