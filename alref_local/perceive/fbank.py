"""What BEATs and LanguageBind listen to: Kaldi's log mel filter bank, 25 ms frames every 10 ms, without torchaudio."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "HOP", "POVEY", "RATE", "WINDOW", "fbank"]

RATE: Final = 16_000
"""Samples a second."""
WINDOW: Final = 400
"""Samples of a frame (25 ms)."""
HOP: Final = 160
"""Samples from one frame to the next (10 ms)."""
BINS: Final = 128
POVEY: Final = 0.85
"""Kaldi's own window is Hann's to this power."""

_FFT = 512
_LOWEST = 20.0  # Hz
_PREEMPHASIS = 0.97
_FLOOR = 1.1920929e-07  # float32's epsilon, below which Kaldi takes no logarithm
_FULL_SCALE = 2**15  # Kaldi's samples are 16-bit integers


def fbank(
    samples: NDArray[np.float32], *, bins: int = BINS, full_scale: float = _FULL_SCALE, power: float = POVEY
) -> NDArray[np.float32]:
    """``(frames, bins)`` float32 natural logarithms of mel energies, ``frames = 1 + (n - 400) // 160``.

    Frames that would reach over the end are left out (``snip_edges``); no dither.

    Args:
        samples: ``(n,)`` mono at 16 kHz in ``[-1, 1]``, ``n >= 400``.
        bins: triangles between 20 Hz and 8 kHz.
        full_scale: what a sample of 1 counts as.
        power: of Hann's window.

    Raises:
        ValueError: there are fewer than 400 samples.
    """
    scaled = samples.astype(np.float64) * full_scale
    frames = np.lib.stride_tricks.sliding_window_view(scaled, WINDOW)[::HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - _PREEMPHASIS * before) * np.hanning(WINDOW) ** power
    spectrum = np.abs(np.fft.rfft(frames, _FFT)[:, : _FFT // 2]) ** 2
    energies = np.log(np.maximum(spectrum @ _filters(bins).T, _FLOOR))
    return np.asarray(energies, dtype=np.float32)


@cache
def _filters(bins: int) -> NDArray[np.float64]:
    """``(bins, 256)`` weights of triangles that are even in mels; the lowest are empty, as in Kaldi."""
    lowest, highest = _mel(np.array([_LOWEST, RATE / 2]))
    step = (highest - lowest) / (bins + 1)
    left = lowest + step * np.arange(bins)[:, None]
    points = _mel(np.arange(_FFT // 2) * RATE / _FFT)
    return np.asarray(np.maximum(0.0, np.minimum(points - left, left + 2 * step - points) / step))


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1127.0 * np.log1p(hertz / 700.0))
