"""What sounds, in AudioSet's words: BEATs as a tagger (the paper takes its five most probable labels to LBRU)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.models.resolve import located
from alref_local.perceive.audioset import SILENCE
from alref_local.perceive.beats_files import read
from alref_local.perceive.device import torch_device
from alref_local.perceive.fbank import HOP, RATE, WINDOW, fbank
from alref_local.types import Tag

__all__ = ["LONGEST", "Beats"]

LONGEST: Final = 10 * RATE
"""Samples that are listened to at once: the length of AudioSet's clips, which the model was trained on."""


class Beats:
    """A ``Tagger``: any BEATs classifier, or several.

    Sound of more than 10 s is heard in windows of 10 s, one at a time; its probabilities are the windows' mean,
    each weighted by its length. So memory does not grow with length, and what sounds throughout comes first.

    Args:
        model: ``tiny:NAME``, a folder, a hub name or a ``.pt`` file of Microsoft's. Of several, each names its own most
            probable labels, and a label's probability is the highest that one of them gives (the released code joins
            two checkpoints so).
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        PrerequisiteError: a checkpoint or the device is not there.
        ConfigError: a checkpoint is not a BEATs classifier, or a name is malformed.
    """

    def __init__(self, *, model: str | Sequence[str], device: str = "cpu") -> None:
        names = [model] if isinstance(model, str) else list(model)
        if not names:
            raise ConfigError(
                "No checkpoint is named for the tagger.", hint="Name one BEATs, such as tiny:beats."
            )
        self._device = torch_device(device)
        self._listeners = [_Listener(name, self._device) for name in names]

    def tags(self, samples: NDArray[np.float32], k: int) -> list[Tag]:
        """The labels of ``(n,)`` float32 mono samples at 16 kHz in ``[-1, 1]``, most probable first.

        At most ``k`` of each checkpoint; equals are in alphabetical order. "Silence" is never among them, and there are
        none for no samples at all.
        """
        heard: dict[str, float] = {}
        for listener in self._listeners if len(samples) else []:
            for tag in _ordered(listener.probabilities(samples))[:k]:
                heard[tag.name] = max(tag.probability, heard.get(tag.name, 0.0))
        return _ordered(heard)

    def features(self, samples: NDArray[np.float32], seconds: float = 1.0) -> NDArray[np.float32]:
        """``(windows, d)`` float32: what each window of so many seconds sounds like, heard by itself.

        Window ``i`` begins at ``i * seconds``; the last may be shorter. Of several checkpoints the first is heard.
        """
        return self._listeners[0].features(samples, max(1, round(seconds * RATE)))


class _Listener:
    """One checkpoint."""

    def __init__(self, name: str, device: torch.device) -> None:
        checkpoint = read(_found(name))
        self._model = checkpoint.model().to(device)
        self._labels = checkpoint.labels
        self._device = device

    def probabilities(self, samples: NDArray[np.float32]) -> dict[str, float]:
        mean = np.zeros(len(self._labels))
        with torch.inference_mode():
            for window in _windows(samples, LONGEST):
                logits = self._model(self._heard(window))[0].double().cpu()
                mean += logits.sigmoid().numpy() * (len(window) / len(samples))
        return {
            label: one for label, one in zip(self._labels, mean.tolist(), strict=True) if label != SILENCE
        }

    def features(self, samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
        rows = np.zeros((-(-len(samples) // length), self._model.predictor.in_features), dtype=np.float32)
        with torch.inference_mode():
            for row, window in zip(rows, _windows(samples, length), strict=True):
                row[:] = self._model.pooled(self._heard(window))[0].float().cpu().numpy()
        return rows

    def _heard(self, window: NDArray[np.float32]) -> torch.Tensor:
        """``(1, frames, 128)``; what is too short for one patch is followed by silence."""
        shortest = WINDOW + HOP * (self._model.patch_embedding.kernel_size[0] - 1)
        padded = np.pad(window, (0, max(0, shortest - len(window))))
        return torch.from_numpy(fbank(padded)).unsqueeze(0).to(self._device)


def _found(name: str) -> Path:
    file = Path(name).expanduser()
    if file.suffix == ".pt" and not file.is_file():
        raise PrerequisiteError(
            f"There is no BEATs checkpoint '{name}'.",
            hint="Microsoft offers them at github.com/microsoft/unilm/tree/master/beats (one with 'finetuned' in its "
            "name); `--set sound.model=FILE` takes one from elsewhere.",
        )
    return located(name)


def _windows(samples: NDArray[np.float32], length: int) -> Iterator[NDArray[np.float32]]:
    return (samples[start : start + length] for start in range(0, len(samples), length))


def _ordered(probabilities: dict[str, float]) -> list[Tag]:
    tags = (Tag(name, probability) for name, probability in probabilities.items())
    return sorted(tags, key=lambda tag: (-tag.probability, tag.name))
