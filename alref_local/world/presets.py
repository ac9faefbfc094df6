"""The presets: what each kind of clip promises, and how a scene is made that keeps the promise."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np

from alref_local.world.backdrop import pan_room
from alref_local.world.casting import ALL_WAYS, Role, cast
from alref_local.world.motion import Motion
from alref_local.world.palette import SIZES
from alref_local.world.paths import WAYS, Stage, entering, inside, leaving, peeking
from alref_local.world.scene import Actor, Prop, Scene
from alref_local.world.scenery import scenery
from alref_local.world.sentences import ObjectSpec
from alref_local.world.sprite import Look, Sprite

VERSION: Final = 1
PRESETS: Final = ("easy", "late", "hidden", "ladder")
_WISHES: Final = {
    "easy": ("class", "colour", "size", "place", "motion", "relation"),
    "late": ("class", "colour", "size", "place", "motion", "relation"),
    "hidden": ("class", "colour", "size", "place", "motion", "relation"),
    "ladder": ("colour", "size", "place", "motion", "relation"),
}
_LADDER: Final = ("late",) * 4 + ("hidden",) * 3 + ("peek",) * 3
_ATTEMPTS: Final = 60
_INSISTENT: Final = 30


def make_scene(preset: str, seed: int, *, size: tuple[int, int] = (240, 320), length: int | None = None) -> Scene:
    """The scene of `seed`; `size` is (height, width) in pixels, `length` in frames (24 to 36 by seed when not given).

    Raises ValueError for an unknown preset or a size or length too small for the preset's promise.
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; known: {', '.join(PRESETS)}")
    key = (VERSION, zlib.crc32(preset.encode()), seed, *size, length or 0)
    frames = length or int(np.random.default_rng(key).integers(24, 37))
    stage = Stage(size, frames)
    mode = _LADDER[seed % 10] if preset == "ladder" else preset
    wishes = _WISHES[preset]
    wish = wishes[seed // (10 if preset == "ladder" else 1) % len(wishes)]
    for attempt in range(_ATTEMPTS):
        scene = _attempt((*key, attempt), stage, mode, wish, ladder=preset == "ladder")
        if scene is not None and _kept(scene, mode, wish if attempt < _INSISTENT else None):
            return scene
    raise ValueError(f"no {preset} scene of {size[1]}x{size[0]} pixels and {frames} frames could be made from seed {seed}")


def _kept(scene: Scene, mode: str, wish: str | None) -> bool:
    """Whether the scene keeps its preset's promise, and its target sentence is of the wished kind."""
    i = scene.wish[1]
    assert i is not None
    tracks = scene.tracks
    visible, good = tracks.visible[i], tracks.good[i]
    third = -(-scene.length // 3)
    kept = {
        "easy": bool(good.all()),
        "late": bool((visible[:third] == 0).all()),
        "hidden": bool(visible[0] < 0.05),
        "peek": bool(0.3 <= visible[0] and not good[0]),
    }[mode]
    if not kept or good.sum() < min(3, scene.length - 1):
        return False
    return any(s.referents == (i,) for s in scene.sentences) and (wish is None or scene.target.kind == wish)


def _attempt(key: tuple[int, ...], stage: Stage, mode: str, wish: str, *, ladder: bool) -> Scene | None:
    rng = np.random.default_rng(key)
    rival = ladder or (wish != "class" and rng.random() < 0.7)
    ways = tuple(WAYS) if mode in ("late", "peek") else ALL_WAYS
    if mode == "hidden":
        ways = ("still", "left", "right", "up", "down")
    roles = cast(rng, wish, int(rng.integers(3 if rival else 2, 6)), rival=rival, target_ways=ways)
    placed: list[Actor] = []
    for index, role in enumerate(roles):
        actor = _place(rng, stage, role, mode if index == 0 else "other", placed, 1.0 if mode == "easy" else 0.875)
        if actor is not None:
            placed.append(actor)
        elif index < 2 + (wish == "relation"):
            return None
    props = _hiding(rng, stage, placed[0]) if mode == "hidden" else []
    props += _decor(rng, stage, placed[0] if mode == "easy" else None)
    order = rng.permutation(len(placed))
    target = int(np.flatnonzero(order == 0)[0])
    shuffled = tuple(placed[i] for i in order)
    return Scene(stage.size, stage.length, shuffled, tuple(props), (*key, 1), _pan(rng, stage), (wish, target))


def _pan(rng: np.random.Generator, stage: Stage) -> Motion:
    """The frame's slow path over the background; it stays in two scenes of three."""
    room = pan_room(stage.size)
    start = (float(rng.uniform(0, room)), float(rng.uniform(0, room)))
    end = (room - start[0], room - start[1]) if rng.random() < 0.35 else start
    return Motion("pan", start, end, 0, stage.length, (1, 1), period=stage.period)


def _place(rng: np.random.Generator, stage: Stage, role: Role, mode: str, placed: list[Actor], apart: float) -> Actor | None:
    """An actor whose path keeps apart from those placed before; None when no place is found."""
    low, high = SIZES[role.size_name]
    size = float(rng.uniform(low, high)) * stage.short
    sprite = Sprite(role.class_name, role.colour, _look(rng), size)
    shape = sprite.shape(size)
    for _ in range(25):
        way = str(rng.choice(role.ways))
        motion = _path(rng, stage, shape, size, way, role, mode)
        actor = Actor(ObjectSpec(role.class_name, role.colour, role.size_name, way), sprite, motion)
        if all(_apart(stage, actor, other) >= apart for other in placed):
            return actor
    return None


def _path(rng: np.random.Generator, stage: Stage, shape: tuple[float, float], size: float, way: str, role: Role, mode: str) -> Motion:
    if mode == "late":
        return entering(rng, stage, shape, size, way, role.region)
    if mode == "peek":
        return peeking(rng, stage, shape, size, way, role.region)
    if mode == "other" and way in WAYS and rng.random() < 0.3:
        return (entering if rng.random() < 0.5 else leaving)(rng, stage, shape, size, way, role.region)
    motion = inside(rng, stage, shape, size, way, role.region)
    return motion


def _look(rng: np.random.Generator) -> Look:
    tint = tuple(int(v) for v in rng.integers(-12, 13, 3))
    return Look(
        float(rng.random()), float(rng.uniform(0.86, 1.16)), float(rng.uniform(-10, 10)), float(rng.random()),
        float(rng.uniform(0.06, 0.25)), float(rng.uniform(-1, 1)), (tint[0], tint[1], tint[2]),
    )  # fmt: skip


def _boxes(stage: Stage, actor: Actor) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    t = np.arange(stage.period or stage.length)
    half = np.array(actor.sprite.shape(max(actor.motion.sizes))) / 2
    centres = actor.motion.centres(t)
    return np.concatenate([centres - half, centres + half], axis=1)


def _apart(stage: Stage, a: Actor, b: Actor) -> float:
    """Share of the frames in which the boxes overlap by under a tenth of the smaller one."""
    p, q = _boxes(stage, a), _boxes(stage, b)
    sides = np.clip(np.minimum(p[:, 2:], q[:, 2:]) - np.maximum(p[:, :2], q[:, :2]), 0, None)
    areas = [np.prod(r[0, 2:] - r[0, :2]) for r in (p, q)]
    return float((sides.prod(axis=1) < 0.1 * min(areas)).mean())


def _hiding(rng: np.random.Generator, stage: Stage, actor: Actor) -> list[Prop]:
    """Scenery over the actor's first place; drifts away from an actor that stays still."""
    motion = actor.motion
    width, height = actor.sprite.shape(motion.sizes[0])
    still = motion.name == "still"
    kind = "cloud" if still else str(rng.choice(["post", "wall", "bush", "cloud"]))
    room = 1.12 if kind in ("post", "wall") else 1.3
    w, h = width * room * float(rng.uniform(1, 1.15)) + 4, height * room * float(rng.uniform(1, 1.15)) + 4
    if kind == "post":
        h *= 1.4
    start = motion.start
    cover = Motion("cover", start, start, 0, 1, (1, 1))
    if still:
        way = 1 if start[0] < stage.size[1] / 2 else -1
        end = (start[0] + way * (width + w) * 0.62, start[1] + float(rng.uniform(-0.1, 0.1)) * stage.short)
        begin = float(rng.integers(1, max(2, stage.length // 3)))
        cover = Motion("cover", start, end, begin, min(stage.length - 2.0, begin + stage.length * 0.4), (1, 1))
    return [Prop(scenery(kind, round(w), round(h), rng), cover, True)]


def _decor(rng: np.random.Generator, stage: Stage, free: Actor | None) -> list[Prop]:
    """Up to three pieces of scenery; those before the objects keep clear of `free`."""
    props = []
    for _ in range(int(rng.integers(0, 4))):
        kind = str(rng.choice(["post", "wall", "bush", "cloud"]))
        w, h = (float(rng.uniform(0.08, 0.3)) * stage.short for _ in range(2))
        if kind == "post":
            w, h = min(w, h) * 0.6, max(w, h) * 1.8
        x, y = float(rng.uniform(0, stage.size[1])), float(rng.uniform(0, stage.size[0]))
        front = bool(rng.random() < 0.4)
        if front and free is not None:
            boxes = _boxes(stage, free)
            lone = (boxes[:, 0] > x + w / 2) | (boxes[:, 2] < x - w / 2) | (boxes[:, 1] > y + h / 2) | (boxes[:, 3] < y - h / 2)
            front = bool(lone.all())
        picture = scenery(kind, max(4, round(w)), max(4, round(h)), rng)
        props.append(Prop(picture, Motion("stand", (x, y), (x, y), 0, 1, (1, 1)), front))
    return props
