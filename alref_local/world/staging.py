"""Putting a cast on the stage: paths that keep apart, scenery that hides, one try at a scene."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alref_local.world.backdrop import pan_room
from alref_local.world.casting import ALL_WAYS, Role, cast
from alref_local.world.motion import Motion
from alref_local.world.palette import SIZES
from alref_local.world.paths import WAYS, Stage, entering, inside, leaving, peeking
from alref_local.world.scene import Actor, Prop, Scene, Wish
from alref_local.world.scenery import scenery
from alref_local.world.sentences import ObjectSpec
from alref_local.world.sprite import Look, Sprite

_TRIES = 25  # paths tried for one object


@dataclass(frozen=True, slots=True)
class Plan:
    """What one clip is to be.

    `entrance` is how the target comes to be seen: clear (throughout), free, late (from outside), hidden
    (behind scenery), peek (cut by the edge). `apart` is the least share of frames with two boxes apart. An
    `audible` target can sound.
    """

    wish: str
    entrance: str
    rival: bool
    apart: float
    crowded: bool = False
    audible: bool = False


def attempt(key: tuple[int, ...], stage: Stage, plan: Plan, turn: int) -> Scene | None:
    """One try; None when the objects the sentence needs find no place."""
    rng = np.random.default_rng(key)
    rival = plan.rival or (plan.wish != "class" and rng.random() < 0.7)
    least = 4 if plan.crowded else 3 if rival else 2
    ways = {"late": tuple(WAYS), "peek": tuple(WAYS), "hidden": ("still", *WAYS)}.get(plan.entrance, ALL_WAYS)
    count = int(rng.integers(least, 6))
    roles = cast(rng, plan.wish, count, rival=rival, ways=ways, crowded=plan.crowded, audible=plan.audible)
    placed: list[Actor] = []
    for index, role in enumerate(roles):
        actor = _place(rng, stage, role, "other" if index else plan.entrance, placed, plan.apart)
        if actor is not None:
            placed.append(actor)
        elif index < 2 + (plan.wish == "relation"):
            return None
    props = _hiding(rng, stage, placed[0]) if plan.entrance == "hidden" else []
    props += _decor(rng, stage, placed[0] if plan.entrance == "clear" else None)
    order = rng.permutation(len(placed))
    alone = plan.wish not in ("plural", "absent")
    return Scene(
        size=stage.size,
        length=stage.length,
        actors=tuple(placed[i] for i in order),
        props=tuple(props),
        ground=(*key, 1),
        pan=_pan(rng, stage),
        wish=Wish(plan.wish, int(np.flatnonzero(order == 0)[0]) if alone else None, turn),
        period=stage.period,
    )


def _pan(rng: np.random.Generator, stage: Stage) -> Motion:
    """The frame's slow path over the background; in two scenes of three it rests."""
    room = pan_room(stage.size)
    start = (float(rng.uniform(0, room)), float(rng.uniform(0, room)))
    end = (room - start[0], room - start[1]) if rng.random() < 0.35 else start
    return Motion("pan", start, end, 0, stage.length, (1, 1), period=stage.period)


def _place(
    rng: np.random.Generator, stage: Stage, role: Role, entrance: str, placed: list[Actor], apart: float
) -> Actor | None:
    """An actor whose path keeps apart from those placed before; None when no path is found."""
    low, high = SIZES[role.size_name]
    size = float(rng.uniform(low, high)) * stage.short
    sprite = Sprite(role.class_name, role.colour, _look(rng), size)
    for _ in range(_TRIES):
        way = str(rng.choice(role.ways))
        motion = _path(rng, stage, sprite.shape(size), size, way, role, entrance)
        motion = replace(motion, sizes=(max(motion.sizes[0], low * stage.short), size))
        actor = Actor(ObjectSpec(role.class_name, role.colour, role.size_name, way), sprite, motion)
        if all(_apartness(stage, actor, other) >= apart for other in placed):
            return actor
    return None


def _path(
    rng: np.random.Generator,
    stage: Stage,
    shape: tuple[float, float],
    size: float,
    way: str,
    role: Role,
    entrance: str,
) -> Motion:
    make = {"late": entering, "peek": peeking}.get(entrance, inside)
    if entrance == "other" and way in WAYS and rng.random() < 0.3:
        make = entering if rng.random() < 0.5 else leaving
    return make(rng, stage, shape, size, way, role.region)


def _look(rng: np.random.Generator) -> Look:
    red, green, blue = (int(v) for v in rng.integers(-12, 13, 3))
    return Look(
        proportion=float(rng.random()),
        aspect=float(rng.uniform(0.86, 1.16)),
        tilt=float(rng.uniform(-10, 10)),
        light=float(rng.random()),
        weave=float(rng.uniform(0.06, 0.25)),
        slant=float(rng.uniform(-1, 1)),
        tint=(red, green, blue),
    )


def _boxes(stage: Stage, actor: Actor) -> NDArray[np.float64]:
    """(frames, 4) xyxy in pixels at the actor's larger size, not clipped to the frame."""
    t = np.arange(stage.period or stage.length)
    half = np.array(actor.sprite.shape(max(actor.motion.sizes))) / 2
    centres = actor.motion.centres(t)
    return np.concatenate([centres - half, centres + half], axis=1)


def _apartness(stage: Stage, a: Actor, b: Actor) -> float:
    """Share of the frames in which the boxes overlap by under a tenth of the smaller one."""
    p, q = _boxes(stage, a), _boxes(stage, b)
    sides = np.clip(np.minimum(p[:, 2:], q[:, 2:]) - np.maximum(p[:, :2], q[:, :2]), 0, None)
    smaller = min(float(np.prod(r[0, 2:] - r[0, :2])) for r in (p, q))
    return float((sides.prod(axis=1) < 0.1 * smaller).mean())


def _hiding(rng: np.random.Generator, stage: Stage, actor: Actor) -> list[Prop]:
    """Scenery over the actor's first place; it drifts away from an actor that stays still."""
    motion = actor.motion
    width, height = actor.sprite.shape(motion.sizes[0])
    still = motion.name == "still"
    kind = "cloud" if still else str(rng.choice(["post", "wall", "bush", "cloud"]))
    # Foliage has hollows between its lumps, so it must be larger than what it hides.
    room = 1.12 if kind in ("post", "wall") else 1.3
    w, h = (side * room * float(rng.uniform(1, 1.15)) + 4 for side in (width, height))
    if kind == "post":
        h *= 1.4
    start = motion.start
    cover = Motion("cover", start, start, 0, 1, (1, 1))
    if still:
        way = 1 if start[0] < stage.size[1] / 2 else -1
        drift = float(rng.uniform(-0.1, 0.1)) * stage.short
        begin = float(rng.integers(1, max(2, stage.length // 3)))
        finish = min(stage.length - 2.0, begin + stage.length * 0.4)
        cover = Motion(
            "cover", start, (start[0] + way * (width + w) * 0.62, start[1] + drift), begin, finish, (1, 1)
        )
    return [Prop(scenery(kind, round(w), round(h), rng), cover, True)]


def _decor(rng: np.random.Generator, stage: Stage, clear: Actor | None) -> list[Prop]:
    """Up to three pieces of scenery; those before the objects keep off `clear`."""
    props = []
    for _ in range(int(rng.integers(0, 4))):
        kind = str(rng.choice(["post", "wall", "bush", "cloud"]))
        w, h = (float(rng.uniform(0.08, 0.3)) * stage.short for _ in range(2))
        if kind == "post":
            w, h = min(w, h) * 0.6, max(w, h) * 1.8
        x, y = float(rng.uniform(0, stage.size[1])), float(rng.uniform(0, stage.size[0]))
        front = bool(rng.random() < 0.4)
        if front and clear is not None:
            x0, y0, x1, y1 = _boxes(stage, clear).T
            off = (x0 > x + w / 2) | (x1 < x - w / 2) | (y0 > y + h / 2) | (y1 < y - h / 2)
            front = bool(off.all())
        picture = scenery(kind, max(4, round(w)), max(4, round(h)), rng)
        props.append(Prop(picture, Motion("stand", (x, y), (x, y), 0, 1, (1, 1)), front))
    return props
