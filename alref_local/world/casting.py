"""Who is in a scene: a target, a rival of its class, a landmark and others, so that the wished sentence can hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alref_local.world.palette import CLASSES, COLOURS
from alref_local.world.paths import ANYWHERE, Region


class Role(NamedTuple):
    """An object to be placed; `ways` are the motions it may have."""

    class_name: str
    colour: str
    size_name: str
    region: Region
    ways: tuple[str, ...]


ALL_WAYS = ("still", "left", "right", "up", "down", "curved")
_HALVES: tuple[tuple[Region, Region, Region], ...] = (  # target, rival, landmark
    ((0.0, 0.36, 0.0, 1.0), (0.64, 1.0, 0.0, 1.0), (0.46, 0.54, 0.0, 1.0)),
    ((0.64, 1.0, 0.0, 1.0), (0.0, 0.36, 0.0, 1.0), (0.46, 0.54, 0.0, 1.0)),
    ((0.0, 1.0, 0.0, 0.3), (0.0, 1.0, 0.7, 1.0), (0.0, 1.0, 0.46, 0.54)),
    ((0.0, 1.0, 0.7, 1.0), (0.0, 1.0, 0.0, 0.3), (0.0, 1.0, 0.46, 0.54)),
)


def cast(rng: np.random.Generator, wish: str, count: int, *, rival: bool, target_ways: tuple[str, ...]) -> list[Role]:
    """Roles, the target first. `wish` is the kind of sentence the target should have, `count` the number of objects."""

    def other(names: tuple[str, ...], *but: str) -> str:
        return str(rng.choice([n for n in names if n not in but]))

    colours = tuple(COLOURS)
    name, colour = other(CLASSES), other(colours)
    size = "small" if rng.random() < 0.45 else "large"
    split = _HALVES[int(rng.choice(4, p=[0.35, 0.35, 0.15, 0.15]))]
    sided = wish in ("place", "relation")
    first, second, between = split if sided else (ANYWHERE,) * 3
    if wish == "motion":
        target_ways = tuple(w for w in target_ways if w != "curved")
    way = other(target_ways)
    roles = [Role(name, colour, size, first, (way,))]
    if rival or wish in ("size", "place", "relation"):
        twin = other(colours, colour) if wish == "colour" or rng.random() < 0.5 else colour
        rival_size = {"small": "large", "large": "small"}[size] if wish == "size" or rng.random() < 0.3 else size
        ways = tuple(w for w in ALL_WAYS if wish != "motion" or w not in (way, "curved"))
        roles.append(Role(name, twin, rival_size, second, ways))
    if wish == "relation":
        ways = ("still", "up", "down") if between[2:] == (0.0, 1.0) else ("still", "left", "right")
        roles.append(Role(other(CLASSES, name), other(colours), other(("small", "large")), between, ways))
    while len(roles) < count:
        shared = colour if rng.random() < 0.5 else other(colours)
        taken = {r.class_name for r in roles}
        roles.append(Role(other(CLASSES, *taken), shared, "small" if rng.random() < 0.65 else "large", ANYWHERE, ALL_WAYS))
    return roles
