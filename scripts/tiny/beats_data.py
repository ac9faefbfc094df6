"""What the tiny BEATs hears in training: crops of the drawn world's sound, and which labels they deserve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from alref_local.perceive.audioset import SILENCE, audioset_names
from alref_local.perceive.fbank import BINS, fbank
from alref_local.world import make_scene
from alref_local.world.labels import SOUND_LABELS
from alref_local.world.sound import Soundtrack

TRAINING: Final = 800_000  # seeds below
EMPTY: Final = -15.9  # the lowest filters hold nothing, however loud it is
FRAMES: Final = 100  # of the filter bank in a second
AUDIBLE: Final = 25  # frames from which a class counts as sounding; with fewer it is neither right nor wrong
STRENGTH: Final = (0.97, 0.8, 0.65, 0.5)  # what a class's labels aim at: its own comes before its parents
LENGTHS: Final = (48, 96, 144, 200, 300, 500, 998)  # frames of a crop
OFTEN: Final = (0.1, 0.2, 0.2, 0.27, 0.15, 0.05, 0.03)
TOKENS: Final = 24 * 200  # about so many frames in a batch, whatever their length
POOL: Final = 1_500  # soundtracks kept, the oldest replaced
FRESH: Final = 1  # new ones for each batch

CLASSES: Final = tuple(SOUND_LABELS)
_INDEX: Final = {name: index for index, name in enumerate(audioset_names())}


class Batch(NamedTuple):
    """What is heard and what it should be called.

    Attributes:
        heard: ``(n, frames, 128)`` filter banks.
        aims: ``(n, 527)`` the probability that each label aims at.
        counts: ``(n, 527)`` 0 where a label does not count.
    """

    heard: torch.Tensor
    aims: torch.Tensor
    counts: torch.Tensor


@dataclass(frozen=True, eq=False)
class Take:
    """One soundtrack: its filter bank ``(frames, 128)`` float16, and which classes sound ``(frames, 12)`` bool."""

    heard: NDArray[np.float16]
    sounding: NDArray[np.bool_]


def take(sound: Soundtrack) -> Take:
    """What is heard of a soundtrack."""
    heard = fbank(sound.audio)
    sounding = np.zeros((len(heard), len(CLASSES)), bool)
    for part in sound.parts:
        for start, stop in part.stretches:
            first, last = (round(t / sound.fps * FRAMES) for t in (start, stop))
            sounding[first:last, CLASSES.index(part.class_name)] = True
    return Take(heard.astype(np.float16), sounding)


def draw(rng: np.random.Generator) -> Take:
    """A clip of either preset; one in twelve holds nothing but its background noise."""
    sound = make_scene(str(rng.choice(["sound", "sound-hard"])), int(rng.integers(TRAINING))).sound
    assert sound is not None
    return take(sound if rng.random() > 1 / 12 else replace(sound, parts=()))


def first_takes(seed: int) -> list[NDArray[np.float16]]:
    """Filter banks to begin with."""
    rng = np.random.default_rng((seed, 1))
    return [draw(rng).heard for _ in range(60)]


def batches(seed: int) -> Iterator[Batch]:
    """Endless batches, each of one length; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    pool = [draw(rng) for _ in range(POOL // 5)]
    drawn = len(pool)
    while True:
        for _ in range(FRESH):
            if len(pool) < POOL:
                pool.append(draw(rng))
            else:
                pool[drawn % POOL] = draw(rng)
            drawn += 1
        length = int(rng.choice(LENGTHS, p=OFTEN))
        rows = [_row(pool, length, rng) for _ in range(max(4, TOKENS // length))]
        yield Batch(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))


def _row(pool: list[Take], length: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
    heard, sounding = _crop(pool, length, rng)
    louder = rng.normal(0, 1.5)  # of an energy's logarithm: 6.5 dB
    coloured = np.interp(np.arange(BINS), np.linspace(0, BINS, 5), rng.normal(0, 0.4, 5))
    shifted = np.where(heard > EMPTY, heard + louder + coloured, heard)
    return (shifted.astype(np.float32), *_truth(sounding.sum(axis=0)))


def _crop(
    pool: list[Take], length: int, rng: np.random.Generator
) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """A stretch of one soundtrack, or of as many as it takes, one after the other."""
    heard, sounding, left = [], [], length
    while left:
        one = pool[int(rng.integers(len(pool)))]
        size = min(left, len(one.heard))
        start = int(rng.integers(len(one.heard) - size + 1))
        heard.append(one.heard[start : start + size])
        sounding.append(one.sounding[start : start + size])
        left -= size
    return np.concatenate(heard), np.concatenate(sounding)


def _truth(frames: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the labels aim at, and which count, where the classes sound in so many frames."""
    aims, counts = np.zeros(len(_INDEX), np.float32), np.ones(len(_INDEX), np.float32)
    for name, heard in zip(CLASSES, frames.tolist(), strict=True):
        indices = [_INDEX[label] for label in SOUND_LABELS[name]]
        if heard >= AUDIBLE:
            aims[indices] = np.maximum(aims[indices], STRENGTH[: len(indices)])
        elif heard:
            counts[[*indices, _INDEX[SILENCE]]] = 0
    if not frames.any():
        aims[_INDEX[SILENCE]] = STRENGTH[0]
    counts[aims > 0] = 1
    return aims, counts
