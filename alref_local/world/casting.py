"""Who is in a scene: a target, a rival of its class, a landmark and others, as the wished sentence needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alref_local.world.labels import SOUND_LABELS
from alref_local.world.palette import CLASSES, COLOURS, SIZES
from alref_local.world.paths import ANYWHERE, Region


class Role(NamedTuple):
    """An object to be placed; `ways` are the motions it may have."""

    class_name: str
    colour: str
    size_name: str
    region: Region
    ways: tuple[str, ...]


ALL_WAYS = ("still", "left", "right", "up", "down", "curved")
_COLOURS = tuple(COLOURS)
_OPPOSITE = {"small": "large", "large": "small"}
_LOOK_ALIKES = {
    "dog": "cat", "cat": "dog", "bird": "plane", "frog": "cat", "car": "train", "train": "car",
    "boat": "car", "plane": "bird", "drum": "bell", "bell": "drum", "guitar": "bell", "clock": "ball",
}  # fmt: skip
_HALVES: tuple[tuple[Region, Region, Region], ...] = (  # target, rival, landmark
    ((0.0, 0.36, 0.0, 1.0), (0.64, 1.0, 0.0, 1.0), (0.46, 0.54, 0.0, 1.0)),
    ((0.64, 1.0, 0.0, 1.0), (0.0, 0.36, 0.0, 1.0), (0.46, 0.54, 0.0, 1.0)),
    ((0.0, 1.0, 0.0, 0.3), (0.0, 1.0, 0.7, 1.0), (0.0, 1.0, 0.46, 0.54)),
    ((0.0, 1.0, 0.7, 1.0), (0.0, 1.0, 0.0, 0.3), (0.0, 1.0, 0.46, 0.54)),
)


def cast(
    rng: np.random.Generator,
    wish: str,
    count: int,
    *,
    rival: bool,
    ways: tuple[str, ...],
    crowded: bool = False,
    audible: bool = False,
) -> list[Role]:
    """Roles, the target first, then its rival and landmark where the sentence needs them.

    `wish` is the kind of sentence the target should have, `count` the number of objects, `ways` the motions
    open to the target. In a crowd all are small and stay near the middle. An audible target is of a class that
    sounds, and has beside it, two times in three, an object in its colour that looks like it.
    """

    def other(names: tuple[str, ...], *but: str) -> str:
        return str(rng.choice([n for n in names if n not in but]))

    name, colour = other(tuple(SOUND_LABELS) if audible else CLASSES), other(_COLOURS)
    size = "small" if rng.random() < 0.45 else "large"
    split = _HALVES[int(rng.choice(4, p=[0.35, 0.35, 0.15, 0.15]))]
    first, second, between = split if wish in ("place", "relation") else (ANYWHERE,) * 3
    way = other(tuple(w for w in ways if wish != "motion" or w != "curved"))
    roles = [Role(name, colour, size, first, (way,))]
    if rival or wish in ("size", "place", "relation"):
        twin = other(_COLOURS, colour) if wish == "colour" or rng.random() < 0.5 else colour
        rival_size = _OPPOSITE[size] if wish == "size" or rng.random() < 0.3 else size
        rival_ways = tuple(w for w in ALL_WAYS if wish != "motion" or w not in (way, "curved"))
        roles.append(Role(name, twin, rival_size, second, rival_ways))
    if wish == "relation":
        mark_ways = ("still", "up", "down") if between[2:] == (0.0, 1.0) else ("still", "left", "right")
        roles.append(Role(other(CLASSES, name), other(_COLOURS), other(tuple(SIZES)), between, mark_ways))
    if audible and rng.random() < 2 / 3:
        roles.append(Role(_LOOK_ALIKES[name], colour, size, ANYWHERE, ALL_WAYS))
    while len(roles) < count:
        shared = colour if rng.random() < 0.5 else other(_COLOURS)
        unlike = other(CLASSES, *(r.class_name for r in roles))
        roles.append(Role(unlike, shared, "small" if rng.random() < 0.65 else "large", ANYWHERE, ALL_WAYS))
    return [_squeezed(r, keep=wish == "size") for r in roles] if crowded else roles


def _squeezed(role: Role, *, keep: bool) -> Role:
    """The role small and near the middle, or of its own size where the sentence is about that."""
    x0, x1, y0, y1 = (0.25 + 0.5 * share for share in role.region)
    return role._replace(size_name=role.size_name if keep else "small", region=(x0, x1, y0, y1))
