"""What timbres are made of: harmonics, shaped noise, envelopes, repeated calls (float64, 16 kHz mono)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
Signal = NDArray[np.float64]
Rng = np.random.Generator


def clock(seconds: float) -> Signal:
    """Seconds of each sample from 0, (n,)."""
    return np.arange(max(1, round(seconds * RATE))) / RATE


def harmonics(pitch: Signal, weights: Iterable[float]) -> Signal:
    """A tone whose pitch is given in Hz per sample, with one weight per harmonic; none above 7.5 kHz."""
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    out = np.zeros(len(pitch))
    for number, weight in enumerate(weights, 1):
        out += weight * np.sin(number * phase) * (number * pitch < 7_500)
    return out


def partials(time: Signal, pitches: Iterable[float], decays: Iterable[float]) -> Signal:
    """Struck partials of these pitches (Hz), each fading by e in 1 / decay seconds, the higher the softer."""
    rows = [np.sin(2 * np.pi * f * time) * np.exp(-d * time) for f, d in zip(pitches, decays, strict=True)]
    return np.asarray(sum(row / (1 + 0.35 * i) for i, row in enumerate(rows)))


def noise(rng: Rng, samples: int, low: float, high: float, tilt: float = 0.0) -> Signal:
    """Noise of unit power between two frequencies (Hz) with soft edges, falling by 3 dB x `tilt` per octave."""
    frequencies = np.fft.rfftfreq(samples, 1 / RATE)
    shape = 1 / (1 + (low / np.maximum(frequencies, 1e-3)) ** 6) / (1 + (frequencies / high) ** 6)
    shape *= np.maximum(frequencies, 20.0) ** (-tilt / 2)
    out = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * shape, samples)
    return np.asarray(out / max(float(np.sqrt(np.mean(out**2))), 1e-9))


def hump(time: Signal, attack: float, release: float) -> Signal:
    """An envelope that rises in `attack` seconds, stays, and falls in `release` seconds to the end."""
    left = time[-1] - time
    return np.asarray(np.clip(time / attack, 0, 1) * np.clip(left / release, 0, 1))


def calls(rng: Rng, samples: int, every: float, make: Callable[[int], Signal]) -> Signal:
    """One call after the other, `every` seconds give or take a tenth; `make` is told the call's number."""
    out = np.zeros(samples)
    place, number = 0.0, 0
    while place < samples:
        start = int(place)
        one = make(number)[: samples - start]
        out[start : start + len(one)] += one
        place += every * RATE * float(rng.uniform(0.9, 1.1))
        number += 1
    return out
