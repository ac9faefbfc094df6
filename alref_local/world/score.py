"""Who sounds when: stretches for the objects that sound, sounds from off screen, background noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from alref_local.world.labels import SOUND_LABELS
from alref_local.world.sentences import Tracks
from alref_local.world.sound import Part, Soundtrack, Stretch

_LEAST: Final = 6  # frames of a sounding or a silent interval: half a second
_TRIES: Final = 20


@dataclass(frozen=True, slots=True)
class Loudness:
    """What a preset's sound is like.

    `both` and `elsewhere` are the shares of clips in which two classes sound and in which something is heard
    off screen; `hush` is the range of the background noise below the objects, `far` that of the level of what is
    off screen, both in dB.
    """

    both: float
    elsewhere: float
    hush: tuple[float, float]
    far: tuple[float, float]


def compose(
    tracks: Tracks, first: int, loudness: Loudness, fps: float, seed: tuple[int, ...]
) -> Soundtrack | None:
    """The sound of a scene in which the class of object `first` sounds; None if a class cannot be heard and seen.

    All objects of a class sound together, each with its own voice: a sound names a class, so the truth of a
    class is the union of its objects. Every class that sounds does so in at least `_LEAST` frames that show one
    of its objects at least half.
    """
    rng = np.random.default_rng(seed)
    length = tracks.visible.shape[1]
    names = [o.class_name for o in tracks.objects]
    others = sorted({n for n in names if n in SOUND_LABELS} - {names[first]})
    sounding = [names[first]]
    if others and rng.random() < loudness.both:
        sounding.append(str(rng.choice(others)))
    parts = []
    for name in sounding:
        group = [i for i, n in enumerate(names) if n == name]
        stretches = _heard(rng, (tracks.visible[group].max(axis=0) >= 0.5).tolist())
        if stretches is None:
            return None
        parts += [Part(name, i, stretches, float(rng.uniform(-5, 0))) for i in group]
    if rng.random() < loudness.elsewhere:
        absent = [n for n in SOUND_LABELS if n not in names]
        far = float(rng.uniform(*loudness.far))
        parts.append(Part(str(rng.choice(absent)), None, _stretches(rng, length), far))
    return Soundtrack(
        length=length,
        fps=fps,
        parts=tuple(parts),
        hush=float(rng.uniform(*loudness.hush)),
        tilt=float(rng.uniform(0, 2)),
        peak=float(rng.uniform(0.25, 0.95)),
        seed=seed,
    )


def _heard(rng: np.random.Generator, shown: list[bool]) -> tuple[Stretch, ...] | None:
    """Stretches of which at least half a second is shown (in a shorter clip: a frame)."""
    enough = min(_LEAST, max(1, len(shown) // 4))
    for _ in range(_TRIES):
        stretches = _stretches(rng, len(shown))
        if sum(sum(shown[start:stop]) for start, stop in stretches) >= enough:
            return stretches
    return None


def _stretches(rng: np.random.Generator, length: int) -> tuple[Stretch, ...]:
    """The sounding ones of one to three intervals that fill the clip, each of half a second or more."""
    count = min(int(rng.choice(3, p=[0.4, 0.35, 0.25])) + 1, max(1, length // _LEAST))
    if count == 1:
        return ((0, length),)
    spare = np.sort(rng.integers(0, length - count * _LEAST + 1, count - 1)).tolist()
    cuts = [0, *(s + _LEAST * i for i, s in enumerate(spare, 1)), length]
    begin = int(rng.integers(0, 2))
    return tuple((cuts[i], cuts[i + 1]) for i in range(begin, count, 2))
