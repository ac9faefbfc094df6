"""What the tiny CLAP hears in training, and which combinations of names it is told to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import ceil
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from alref_local.world import make_scene
from alref_local.world.sound import Soundtrack
from alref_local.world.tones import RATE
from clap_model import BINS, CLASSES, HOP, SECONDS, build_extractor
from clap_words import MOST, Told, said

TRAINING: Final = 800_000  # seeds below
FRAMES: Final = SECONDS * RATE // HOP + 1  # heard at once
SHORTEST: Final = 30  # frames of a crop: 0.3 s
PRESENT: Final = 0.5  # share of a crop from which a class sounds in it
ABSENT: Final = 0.1  # and up to which it does not; between the two it is not asked for
EMPTY: Final = -99.0  # dB below which there is nothing
POOL: Final = 1_200  # soundtracks kept, one replaced for each batch
ROWS: Final = 48


class Batch(NamedTuple):
    """What is heard, and the texts to choose from.

    Attributes:
        heard: ``(n, 1, frames, bins)`` dB.
        texts: ``m`` texts; several may say the same in other words.
        offered: ``(n, m)`` bool, which of them each row is compared with.
        right: ``(n,)`` int64, the one that is true.
    """

    heard: torch.Tensor
    texts: list[str]
    offered: torch.Tensor
    right: torch.Tensor


@dataclass(frozen=True, eq=False)
class Take:
    """One soundtrack: its spectrum ``(frames, bins)`` float16 dB, and which classes sound ``(frames, 12)`` bool."""

    heard: NDArray[np.float16]
    sounding: NDArray[np.bool_]


class Ear:
    """Hears soundtracks as the feature extractor does, whole."""

    def __init__(self) -> None:
        self._extractor: Any = build_extractor()

    def take(self, sound: Soundtrack) -> Take:
        """What is heard of a soundtrack."""
        extractor = self._extractor
        heard = extractor._np_extract_fbank_features(sound.audio, extractor.mel_filters_slaney)
        sounding = np.zeros((len(heard), len(CLASSES)), bool)
        for part in sound.parts:
            for start, stop in part.stretches:
                first, last = (ceil(t / sound.fps * RATE / HOP) for t in (start, stop))
                sounding[first:last, CLASSES.index(part.class_name)] = True
        return Take(heard.astype(np.float16), sounding)

    def draw(self, rng: np.random.Generator) -> Take:
        """A clip of either preset; one in fifteen holds nothing but its background noise."""
        sound = make_scene(str(rng.choice(["sound", "sound-hard"])), int(rng.integers(TRAINING))).sound
        assert sound is not None
        return self.take(sound if rng.random() > 1 / 15 else replace(sound, parts=()))


def batches(seed: int) -> Iterator[Batch]:
    """Endless batches; the same seed gives the same ones."""
    rng, ear = np.random.default_rng(seed), Ear()
    pool = [ear.draw(rng) for _ in range(POOL // 5)]
    drawn = len(pool)
    while True:
        if len(pool) < POOL:
            pool.append(ear.draw(rng))
        else:
            pool[drawn % POOL] = ear.draw(rng)
        drawn += 1
        yield _batch([_crop(pool, rng) for _ in range(ROWS)], rng)


def _batch(crops: list[tuple[NDArray[np.float32], NDArray[np.float64]]], rng: np.random.Generator) -> Batch:
    choices: dict[Told, int] = {(): 0}
    offers: list[list[int]] = []
    right: list[int] = []
    for _, shares in crops:
        asked = _asked(shares, rng)
        every = [some for size in range(len(asked) + 1) for some in combinations(sorted(asked), size)]
        offers.append([choices.setdefault(some, len(choices)) for some in every])
        right.append(choices[tuple(one for one in sorted(asked) if shares[one] >= PRESENT)])
    offered = torch.zeros(len(crops), len(choices), dtype=torch.bool)
    for row, offer in enumerate(offers):
        offered[row, offer] = True
    heard = torch.from_numpy(np.stack([heard for heard, _ in crops]))[:, None]
    return Batch(heard, [said(told, rng) for told in choices], offered, torch.tensor(right))


def _asked(shares: NDArray[np.float64], rng: np.random.Generator) -> list[int]:
    """Classes to choose from: most of those that sound, and some others; none that may or may not sound."""
    sounding = [one for one in np.flatnonzero(shares >= PRESENT).tolist() if rng.random() < 0.85]
    others = rng.permutation(np.flatnonzero(shares <= ABSENT)).tolist()
    size = int(rng.integers(1, MOST + 1)) if rng.random() < 0.9 else MOST + 2
    return [*sounding, *others][: max(size, len(sounding))]


def _crop(pool: list[Take], rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A stretch of one soundtrack, or of two at once, repeated to full length; and each class's share of it."""
    length = min(FRAMES, round(float(np.exp(rng.uniform(np.log(SHORTEST), np.log(1.5 * FRAMES))))))
    heard, shares = _stretch(pool, length, rng)
    if rng.random() < 0.25:
        other, more = _stretch(pool, length, rng)
        heard = np.asarray(10 * np.log10(10 ** (heard / 10) + 10 ** ((other + rng.uniform(-5, 5)) / 10)))
        shares = np.maximum(shares, more)
    coloured = np.interp(np.arange(BINS), np.linspace(0, BINS, 5), rng.normal(0, 1.5, 5))
    shifted = np.where(heard > EMPTY, heard + rng.normal(0, 6) + coloured, heard)
    return np.resize(shifted, (FRAMES, BINS)).astype(np.float32), shares


def _stretch(
    pool: list[Take], length: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    one = pool[int(rng.integers(len(pool)))]
    size = min(length, len(one.heard))
    start = int(rng.integers(len(one.heard) - size + 1))
    heard = one.heard[start : start + size].astype(np.float32)
    shares = one.sounding[start : start + size].mean(axis=0)
    return np.resize(heard, (length, BINS)), np.asarray(shares)
