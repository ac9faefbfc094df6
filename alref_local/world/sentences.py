"""Sentences that are true of a scene and name one object, several, or none, without doubt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.world.palette import CLASSES, COLOURS

KINDS: Final = ("class", "colour", "size", "place", "motion", "relation", "plural", "absent")


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """One object in words; `motion` is still, left, right, up, down or curved."""

    class_name: str
    colour: str
    size_name: str
    motion: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """`referents` index the scene's objects (empty: nothing fits); `good_frames` show all of them well."""

    text: str
    kind: str
    referents: tuple[int, ...]
    good_frames: tuple[int, ...]


class Tracks(NamedTuple):
    """A scene over time, n objects and T frames."""

    objects: tuple[ObjectSpec, ...]
    size: tuple[int, int]
    centres: NDArray[np.float64]  # (n, T, 2) x, y
    whole: NDArray[np.float32]  # (n, T, 4) xyxy, not clipped to the frame
    visible: NDArray[np.float32]  # (n, T)
    good: NDArray[np.bool_]  # (n, T)

    def rivals(self, i: int) -> list[int]:
        """The other objects of the class of object `i`."""
        name = self.objects[i].class_name
        return [j for j, o in enumerate(self.objects) if o.class_name == name and j != i]

    def range(self, i: int, axis: int) -> tuple[float, float]:
        """Least and greatest centre of object `i` while any of it is seen."""
        seen = self.centres[i, self.visible[i] > 0, axis]
        return (float(seen.min()), float(seen.max())) if len(seen) else (np.inf, -np.inf)

    def travel(self, i: int, axis: int, sign: int) -> float:
        """How far object `i` moves right (axis 0, sign 1), left, down (axis 1, sign 1) or up, in pixels."""
        return float(np.clip(np.diff(self.centres[i, :, axis]) * sign, 0, None).sum())


Said = tuple[str, str, tuple[int, ...]]  # text, kind, referents


def describe(tracks: Tracks) -> tuple[Sentence, ...]:
    """All sentences; texts are unique. Objects never seen are not named."""
    said: dict[str, Said] = {}
    for i in range(len(tracks.objects)):
        if tracks.visible[i].max() > 0:
            for found in (
                *_by_name(tracks, i),
                *_by_place(tracks, i),
                *_by_motion(tracks, i),
                *_by_relation(tracks, i),
            ):
                said.setdefault(found[0], found)
    plural = (found for found in _plural(tracks) if all(tracks.visible[i].max() > 0 for i in found[2]))
    for found in (*plural, *_absent(tracks)):
        said.setdefault(found[0], found)
    out = []
    for text, kind, referents in said.values():
        good = tracks.good[list(referents)].all(axis=0) if referents else np.zeros(tracks.good.shape[1], bool)
        out.append(Sentence(text, kind, referents, tuple(int(f) for f in np.flatnonzero(good))))
    return tuple(out)


def _by_name(tracks: Tracks, i: int) -> Iterator[Said]:
    this = tracks.objects[i]
    others = [tracks.objects[j] for j in tracks.rivals(i)]
    if not others:
        yield f"the {this.class_name}", "class", (i,)
    if all(o.colour != this.colour for o in others):
        yield f"the {this.colour} {this.class_name}", "colour", (i,)
    if others and all(o.size_name != this.size_name for o in others):
        yield f"the {this.size_name} {this.class_name}", "size", (i,)


_PLACES: Final = (
    ("on the left", 0, 1),
    ("on the right", 0, -1),
    ("at the top", 1, 1),
    ("at the bottom", 1, -1),
)


def _by_place(tracks: Tracks, i: int) -> Iterator[Said]:
    """Place words tell objects of a class apart: in its half and clear of every rival, throughout."""
    rivals = tracks.rivals(i)
    for words, axis, sign in _PLACES if rivals else ():
        extent = tracks.size[1 - axis]
        low, high = tracks.range(i, axis)
        near, middle = (high, extent / 2) if sign > 0 else (-low, -extent / 2)
        nearest = min(tracks.range(j, axis)[0] if sign > 0 else -tracks.range(j, axis)[1] for j in rivals)
        if near < middle and near + 0.12 * extent < nearest:
            yield f"the {tracks.objects[i].class_name} {words}", "place", (i,)


_WAYS: Final = (
    ("right", "moving to the right", 0, 1), ("left", "moving to the left", 0, -1),
    ("down", "moving down", 1, 1), ("up", "moving up", 1, -1),
)  # fmt: skip


def _by_motion(tracks: Tracks, i: int) -> Iterator[Said]:
    this, rivals = tracks.objects[i], tracks.rivals(i)
    short = min(tracks.size)
    for name, words, axis, sign in _WAYS:
        own = tracks.travel(i, axis, sign)
        turned = tracks.travel(i, axis, -sign)
        alone = all(tracks.travel(j, axis, sign) < 0.08 * short for j in rivals)
        if this.motion == name and own > 0.12 * short and turned < 0.02 * short and alone:
            yield f"the {this.class_name} {words}", "motion", (i,)
    for side in _outside(tracks, i, wholly=True):
        if not any(side in _outside(tracks, j, wholly=False) for j in rivals):
            yield f"the {this.class_name} that enters from the {side}", "motion", (i,)
    if this.motion == "still" and all(_journey(tracks, j) > 0.12 * short for j in rivals):
        yield f"the {this.class_name} that stays still", "motion", (i,)


def _journey(tracks: Tracks, i: int) -> float:
    return sum(tracks.travel(i, axis, sign) for axis in (0, 1) for sign in (1, -1))


def _outside(tracks: Tracks, i: int, *, wholly: bool) -> list[str]:
    """Sides of the frame beyond which object `i` lies, wholly or in part, at the start of the clip."""
    height, width = tracks.size
    x0, y0, x1, y1 = tracks.whole[i, 0]
    beyond = (
        (x1 <= 0, x0 >= width, y1 <= 0, y0 >= height) if wholly else (x0 < 0, x1 > width, y0 < 0, y1 > height)
    )
    return [side for side, out in zip(("left", "right", "top", "bottom"), beyond, strict=True) if out]


_RELATIONS: Final = (("left of", 0, 1), ("right of", 0, -1), ("above", 1, 1), ("below", 1, -1))


def _by_relation(tracks: Tracks, i: int) -> Iterator[Said]:
    """Relations to an object of another class, itself named without doubt; rivals lie clearly elsewhere."""
    this, rivals = tracks.objects[i], tracks.rivals(i)
    marks = [k for k, o in enumerate(tracks.objects) if o.class_name != this.class_name] if rivals else []
    for k in marks:
        mark = tracks.objects[k]
        twins = [j for j in tracks.rivals(k) if tracks.objects[j].colour == mark.colour]
        for words, axis, sign in _RELATIONS if not twins else ():
            margin = 0.06 * tracks.size[1 - axis]
            if _beside(tracks, i, k, axis, sign, margin) and all(
                _beside(tracks, j, k, axis, -sign, margin / 2) for j in rivals
            ):
                yield f"the {this.class_name} {words} the {mark.colour} {mark.class_name}", "relation", (i,)


def _beside(tracks: Tracks, i: int, k: int, axis: int, sign: int, margin: float) -> bool:
    """Whether `i` lies before `k` by `margin` pixels in every frame that shows both, at least two."""
    both = (tracks.visible[i] > 0) & (tracks.visible[k] > 0)
    gap = (tracks.centres[k, both, axis] - tracks.centres[i, both, axis]) * sign
    return bool(both.sum() >= 2 and (gap > margin).all())


_NUMBERS: Final = {2: "two", 3: "three", 4: "four", 5: "five"}


def _plural(tracks: Tracks) -> Iterator[Said]:
    objects = tracks.objects
    for name in sorted({o.class_name for o in objects}):
        same = tuple(i for i, o in enumerate(objects) if o.class_name == name)
        if len(same) > 1:
            yield f"the {_NUMBERS[len(same)]} {name}s", "plural", same
    for colour in sorted({o.colour for o in objects}):
        same = tuple(i for i, o in enumerate(objects) if o.colour == colour)
        if 1 < len(same) < len(objects):
            yield f"all {colour} objects", "plural", same


def _absent(tracks: Tracks) -> Iterator[Said]:
    """A class that is not there, one there in other colours only, a missing one in a colour that is there."""
    objects = tracks.objects
    classes, colours = {o.class_name for o in objects}, {o.colour for o in objects}
    pick = sum(ord(c) for o in objects for c in o.class_name + o.colour)
    missing = [c for c in CLASSES if c not in classes]
    name = missing[pick % len(missing)]
    yield f"the {name}", "absent", ()
    this = objects[pick % len(objects)]
    taken = {o.colour for o in objects if o.class_name == this.class_name}
    free = [c for c in COLOURS if c not in taken]
    if free:
        yield f"the {free[pick % len(free)]} {this.class_name}", "absent", ()
    shared = sorted(colours)[pick % len(colours)]
    yield f"the {shared} {missing[(pick + 1) % len(missing)]}", "absent", ()
