"""The voice of each class that sounds: recognisable, and varied in pitch, tempo and colour by `rng`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from alref_local.world.tones import RATE, Rng, Signal, calls, clock, harmonics, hump, noise, partials


def _dog(rng: Rng, samples: int) -> Signal:
    """Barks: short, hoarse, falling."""
    pitch, length = float(rng.uniform(320, 520)), float(rng.uniform(0.13, 0.2))
    time = clock(length)
    weights = np.exp(-(((np.arange(1, 13) * pitch - 1100) / 900) ** 2))

    def bark(number: int) -> Signal:
        fall = pitch * (1.25 - 0.55 * time / length)
        hoarse = 0.35 * noise(rng, len(time), 500, 2_500)
        return np.asarray((harmonics(fall, weights) + hoarse) * hump(time, 0.012, 0.09))

    return calls(rng, samples, float(rng.uniform(0.28, 0.4)), bark)


def _cat(rng: Rng, samples: int) -> Signal:
    """Meows: long, gliding up and down, opening and closing."""
    pitch, length = float(rng.uniform(520, 800)), float(rng.uniform(0.5, 0.75))
    time = clock(length)
    share = time / length
    glide = pitch * (0.9 + 0.35 * np.sin(np.pi * share**0.7))
    opening = np.sin(np.pi * share)
    meow = harmonics(glide, [1, 0.5, 0.2]) + opening * harmonics(glide, [0, 0.5, 0.6, 0.45, 0.25])
    meow *= hump(time, 0.06, 0.2)
    return calls(rng, samples, length + float(rng.uniform(0.06, 0.2)), lambda number: meow)


def _bird(rng: Rng, samples: int) -> Signal:
    """Chirps: quick, high, almost pure sweeps."""
    pitch, length = float(rng.uniform(3_000, 4_600)), float(rng.uniform(0.05, 0.09))
    sweep = float(rng.choice([-1, 1]) * rng.uniform(0.25, 0.45))
    time = clock(length)

    def chirp(number: int) -> Signal:
        course = pitch * (1 + 0.12 * (number % 3)) * (1 + sweep * (time / length - 0.5))
        return np.asarray(harmonics(course, [1, 0.08]) * np.sin(np.pi * time / length))

    return calls(rng, samples, length + float(rng.uniform(0.05, 0.1)), chirp)


def _frog(rng: Rng, samples: int) -> Signal:
    """Croaks: a rattle of damped pulses."""
    pulses, length = float(rng.uniform(32, 55)), float(rng.uniform(0.22, 0.38))
    low, high = float(rng.uniform(450, 700)), float(rng.uniform(1_300, 1_800))
    time = clock(length)
    since = time % (1 / pulses)
    rattle = (np.sin(2 * np.pi * low * since) + 0.6 * np.sin(2 * np.pi * high * since)) * np.exp(-140 * since)
    croak = np.asarray(rattle * hump(time, 0.03, 0.08))
    return calls(rng, samples, length + float(rng.uniform(0.08, 0.18)), lambda number: croak)


def _car(rng: Rng, samples: int) -> Signal:
    """An engine: low pulses that shake a rough noise, the speed wavering."""
    time = clock(samples / RATE)
    speed = float(rng.uniform(0.3, 0.8)) * time + float(rng.uniform(0, 1))
    pitch = float(rng.uniform(48, 85)) * (1 + 0.15 * np.sin(2 * np.pi * speed))
    beat = harmonics(pitch, 1 / np.arange(1, 9) ** 0.7)
    return np.asarray(beat + 0.5 * noise(rng, samples, 150, 900) * (1 + np.clip(beat, -1, 1)))


def _train(rng: Rng, samples: int) -> Signal:
    """A horn: a held chord of bright tones."""
    root = float(rng.uniform(270, 370))
    time = clock(samples / RATE)
    weights = 1 / np.arange(1, 11) ** 0.8
    chord = sum(harmonics(np.full(samples, root * ratio), weights) for ratio in (1, 1.189, 1.335, 1.587))
    tremble = 1 + 0.12 * np.sin(2 * np.pi * float(rng.uniform(4, 7)) * time)
    return np.asarray(chord * tremble + 0.15 * noise(rng, samples, 1_000, 5_000))


def _boat(rng: Rng, samples: int) -> Signal:
    """A ship's horn: long blasts of one very deep tone over lapping water."""
    pitch, length = float(rng.uniform(88, 130)), float(rng.uniform(0.7, 1.1))
    time = clock(length)
    blast = harmonics(np.full(len(time), pitch), [1, 1, 0.9, 0.8, 0.6, 0.4, 0.25, 0.15]) * hump(
        time, 0.08, 0.12
    )
    lap = 1 + np.sin(2 * np.pi * float(rng.uniform(0.8, 1.4)) * clock(samples / RATE))
    horn = calls(rng, samples, length + float(rng.uniform(0.1, 0.25)), lambda number: blast)
    return np.asarray(horn + 0.3 * lap * noise(rng, samples, 1_200, 4_500))


def _plane(rng: Rng, samples: int) -> Signal:
    """A jet: a broad roar and a thin whine that sinks as it passes."""
    time = clock(samples / RATE)
    sinking = 1 - 0.18 * time / max(time[-1], 1e-3)
    whine = harmonics(float(rng.uniform(1_700, 2_600)) * sinking, [1, 0.3])
    roar = noise(rng, samples, 150, float(rng.uniform(2_500, 4_500)), tilt=0.7)
    return np.asarray(roar + 0.55 * whine)


def _drum(rng: Rng, samples: int) -> Signal:
    """Beats: a skin whose pitch drops, with a slap; every other one softer."""
    pitch, decay = float(rng.uniform(95, 170)), float(rng.uniform(14, 22))
    time = clock(0.25)
    skin = harmonics(pitch * (1 + 0.9 * np.exp(-45 * time)), [1, 0.25, 0.1]) * np.exp(-decay * time)
    level = float(rng.uniform(0.5, 0.8))

    def beat(number: int) -> Signal:
        slap = 0.5 * noise(rng, len(time), 800, 5_000) * np.exp(-90 * time)
        return np.asarray((skin + slap) * (level if number % 2 else 1.0))

    return calls(rng, samples, float(rng.uniform(0.17, 0.3)), beat)


def _bell(rng: Rng, samples: int) -> Signal:
    """Strokes: partials out of tune with each other, fading slowly."""
    prime = float(rng.uniform(480, 800))
    ratios = np.array([1, 0.5, 1.19, 1.5, 2.0, 2.52, 3.01, 4.17, 5.43])
    stroke = partials(clock(1.6), prime * ratios, 1.6 + 0.9 * ratios)
    return calls(rng, samples, float(rng.uniform(0.45, 0.75)), lambda number: stroke)


def _guitar(rng: Rng, samples: int) -> Signal:
    """Plucked strings: a run of notes whose upper harmonics fade first."""
    root, order = float(rng.uniform(130, 220)), rng.permutation(5)
    numbers = np.arange(1, 17)

    def pluck(number: int) -> Signal:
        pitch = root * 2 ** ((0, 4, 7, 9, 12)[order[number % 5]] / 12)
        kept = numbers[numbers * pitch < 7_500]
        return partials(clock(0.9), pitch * kept, 2.5 + 1.1 * kept)

    return calls(rng, samples, float(rng.uniform(0.2, 0.32)), pluck)


def _clock(rng: Rng, samples: int) -> Signal:
    """Tick and tock: dry clicks, in turn higher and lower, in strict time."""
    pitch, every = float(rng.uniform(2_000, 2_800)), float(rng.uniform(0.2, 0.34))
    time = clock(0.05)
    pair = [partials(time, pitch * step * np.array([1, 1.63, 2.41]), [160, 210, 260]) for step in (1.0, 0.72)]
    out = np.zeros(samples)
    for number, start in enumerate(range(0, samples, round(every * RATE))):
        tick = pair[number % 2][: samples - start]
        out[start : start + len(tick)] = tick
    return out


TIMBRES: Final[dict[str, Callable[[Rng, int], Signal]]] = {
    "dog": _dog, "cat": _cat, "bird": _bird, "frog": _frog,
    "car": _car, "train": _train, "boat": _boat, "plane": _plane,
    "drum": _drum, "bell": _bell, "guitar": _guitar, "clock": _clock,
}  # fmt: skip
"""Class -> function that fills so many samples with its sound, at no particular level."""


def sound_of(class_name: str, rng: Rng, samples: int) -> Signal:
    """float64 (samples,) at 16 kHz; its loudest tenth of a second has a root mean square of 1."""
    out = TIMBRES[class_name](rng, samples)
    fade = min(samples // 2, RATE // 100)
    out[:fade] *= np.arange(fade) / fade
    out[samples - fade :] *= np.arange(fade)[::-1] / fade
    step = RATE // 10
    power = np.add.reduceat(out**2, np.arange(0, samples, step)) / min(step, samples)
    return np.asarray(out / np.sqrt(power.max()))
