"""The presets: what each kind of clip promises about its target, and the search for a scene that keeps it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from alref_local.world.paths import Stage
from alref_local.world.scene import Scene
from alref_local.world.score import Loudness, compose
from alref_local.world.sentences import Tracks
from alref_local.world.staging import Plan, attempt

VERSION: Final = 1
_ATTEMPTS: Final = 60
_INSISTENT: Final = 30  # tries in which the target sentence must be of the wished kind
_LEAST_SIDE: Final = 32  # below it a small object has no pixels left
_PERIOD: Final = 48  # frames after which an endless clip repeats
_NAMING: Final = ("class", "colour", "size", "place", "motion", "relation")


@dataclass(frozen=True, slots=True)
class Preset:
    """`wishes` and `entrances` take turns by seed, so that any run of seeds has them in equal parts."""

    entrances: tuple[str, ...]
    wishes: tuple[str, ...] = _NAMING
    rival: bool = False
    apart: float = 0.875
    crowded: bool = False
    endless: bool = False
    sound: Loudness | None = None

    def plan(self, seed: int) -> Plan:
        """The plan of the clip of `seed`."""
        entrance = self.entrances[seed % len(self.entrances)]
        wish = self.wishes[seed // len(self.entrances) % len(self.wishes)]
        return Plan(wish, entrance, self.rival, self.apart, self.crowded, self.sound is not None)


_COMING: Final = ("late",) * 4 + ("hidden",) * 3
_HEARD: Final = (*_COMING, "peek", "peek", "clear")
_ALONE: Final = ("class", "class", "colour")  # by colour: mostly beside another of the class
_CATALOGUE: Final[dict[str, Preset]] = {
    "easy": Preset(("clear",), apart=1.0),
    "late": Preset(("late",)),
    "hidden": Preset(("hidden",)),
    "ladder": Preset((*_COMING, *("peek",) * 3), _NAMING[1:], rival=True),
    "crowded": Preset(("free",), _NAMING[1:], rival=True, apart=0.0, crowded=True),
    "absent": Preset(("free",), ("absent",)),
    "plural": Preset(("free",), ("plural",), rival=True),
    "long": Preset(("free",), endless=True),
    "sound": Preset(_HEARD, _ALONE, sound=Loudness(0.35, 0.35, (10, 20), (-9, -3))),
    "sound-hard": Preset(_HEARD, _ALONE, sound=Loudness(0.75, 0.8, (0, 10), (-4, 2))),
}
PRESETS: Final[tuple[str, ...]] = tuple(_CATALOGUE)


def make_scene(
    preset: str, seed: int, *, size: tuple[int, int] = (240, 320), length: int | None = None
) -> Scene:
    """The clip of `seed`; `size` is (height, width) in pixels, `length` in frames (24-36 by seed; long: 240).

    The same arguments give the same clip, whatever was made before. Raises ValueError for an unknown preset,
    a negative seed, or a clip too small or too short for what the preset promises.
    """
    if preset not in _CATALOGUE:
        raise ValueError(f"unknown preset {preset!r}; known: {', '.join(PRESETS)}")
    if seed < 0:
        raise ValueError("seed must not be negative")
    if min(size) < _LEAST_SIDE:
        raise ValueError(f"a frame must measure at least {_LEAST_SIDE} pixels each way")
    if length is not None and length < 1:
        raise ValueError("length must be positive")
    rules = _CATALOGUE[preset]
    key = (VERSION, zlib.crc32(preset.encode()), seed, *size, length or 0)
    frames = length or (240 if rules.endless else int(np.random.default_rng(key).integers(24, 37)))
    stage = Stage(size, frames, _PERIOD if rules.endless else None)
    plan = rules.plan(seed)
    for number in range(_ATTEMPTS):
        scene = attempt((*key, number), stage, plan, seed)
        if scene is None or not _kept(scene, plan, insist=number < _INSISTENT):
            continue
        if rules.sound is None or scene.wish.about is None:
            return scene
        sound = compose(scene.tracks, scene.wish.about, rules.sound, scene.fps, (*key, number, 2))
        if sound is not None:
            return replace(scene, sound=sound)
    raise ValueError(
        f"no {preset} scene of {size[1]}x{size[0]} pixels and {frames} frames could be made from seed {seed}"
    )


def _kept(scene: Scene, plan: Plan, *, insist: bool) -> bool:
    """Whether the scene keeps the preset's promise; with `insist` its target must be of the wished kind."""
    index = scene.wish.about
    if index is None:
        few = plan.wish == "plural" and len(scene.target.good_frames) < 2
        return scene.target.kind == plan.wish and not few
    tracks = scene.tracks
    visible, good = tracks.visible[index], tracks.good[index]
    third = -(-scene.length // 3)
    kept = {
        "clear": bool(good.all()),
        "free": True,
        "late": bool((visible[:third] == 0).all()),
        "hidden": bool(visible[0] < 0.05),
        "peek": bool(visible[0] >= 0.3 and not good[0]),
    }[plan.entrance]
    if not kept or good.sum() < min(3, scene.length - 1):
        return False
    if plan.apart and _apartness(tracks) < 0.8:
        return False
    named = any(s.referents == (index,) for s in scene.sentences)
    return named and (not insist or scene.target.kind == plan.wish)


def _apartness(tracks: Tracks) -> float:
    """Share of the frames in which no box, within the frame, has a tenth of it covered by another's."""
    height, width = tracks.size
    boxes = np.clip(tracks.whole, 0, np.array([width, height, width, height], np.float32))
    low, high = boxes[..., :2], boxes[..., 2:]
    sides = np.clip(np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None]), 0, None)
    shared = sides.prod(axis=-1)  # (n, n, T); the diagonal holds each box's own area
    own = np.einsum("iit->it", shared).copy()
    np.einsum("iit->it", shared)[...] = 0
    return float((shared.max(axis=1) <= 0.1 * own).all(axis=0).mean())
