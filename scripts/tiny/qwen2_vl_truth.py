"""What is where on a strip, cell by cell: a cell is one image token, 28 pixels each way, 4 x 5 cells a panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.world import CLASSES, COLOURS, Scene
from alref_local.world.palette import SIZES

Cells = NDArray[np.bool_]
ROWS, COLUMNS = 4, 5
BINS: Final = (10, 8)
"""Columns and rows in which the middle of an object is told."""
_WAYS: Final = ("still", "left", "right", "up", "down", "curved")
_SIDES: Final = ("left", "right", "top", "bottom")
_STATES: Final = 3  # whole and in sight, partly in sight, hardly
LABELS: Final = {
    "class": 1 + len(CLASSES), "colour": 1 + len(COLOURS), "size": 1 + len(SIZES), "state": 1 + _STATES,
    "motion": 1 + len(_WAYS), "entry": 1 + 5, "box": 1 + 4, "panel": 1 + 6, "column": 1 + BINS[0], "row": 1 + BINS[1],
}  # fmt: skip
"""What each cell is labelled with, and how many labels there are; 0 is "nothing there"."""
_LEAST: Final = 120  # pixels of the frame, of 3,840 in a cell


class Said(NamedTuple):
    """A sentence about a scene; no referents: nothing fits."""

    text: str
    kind: str
    referents: tuple[int, ...]


def cell_counts(scene: Scene, frames: Sequence[int]) -> NDArray[np.int64]:
    """Seen pixels of each object in each cell, (objects, 4, 5 panels)."""
    panels = []
    for t in frames:
        masks = scene.masks(t)
        n, height, width = masks.shape
        panels.append(masks.reshape(n, ROWS, height // ROWS, COLUMNS, width // COLUMNS).sum(axis=(2, 4)))
    return np.concatenate(panels, axis=2)


def spots(counts: NDArray[np.int64], objects: Sequence[int]) -> Cells:
    """Cells that hold a good part of one of the objects in its panel, (4, 5 panels)."""
    out = np.zeros(counts.shape[1:], bool)
    for i in objects:
        panels = counts[i].reshape(ROWS, -1, COLUMNS)
        most = panels.max(axis=(0, 2), keepdims=True)
        out |= ((panels >= np.maximum(0.4 * most, 40)) & (panels > 0)).reshape(out.shape)
    return out


def cell_labels(
    scene: Scene, frames: Sequence[int], counts: NDArray[np.int64], boxed: Mapping[tuple[int, int], int]
) -> NDArray[np.int64]:
    """Labels (10, 4, 5 panels) in the order of `LABELS`, of the object that fills most of each cell.

    `boxed` gives the number of the box around an object on a panel.
    """
    top, most = counts.argmax(axis=0), counts.max(axis=0)
    panel = np.broadcast_to(np.repeat(np.arange(len(frames)), COLUMNS), top.shape)
    tracks = scene.tracks
    state = np.where(tracks.good, 1, np.where(tracks.visible >= 0.3, 2, 3))[:, list(frames)]
    number = np.zeros((len(scene.objects), len(frames)), np.int64)
    for (at, i), n in boxed.items():
        number[i, at] = n
    names = (
        [1 + CLASSES.index(o.class_name) for o in scene.objects],
        [1 + list(COLOURS).index(o.colour) for o in scene.objects],
        [1 + list(SIZES).index(o.size_name) for o in scene.objects],
    )
    ways = [1 + _WAYS.index(o.motion) for o in scene.objects]
    sides = [entry_side(scene, i) for i in range(len(scene.objects))]
    entries = [1 if side is None else 2 + _SIDES.index(side) for side in sides]
    of_object = np.array([*names, ways, entries])[:, top]
    middle = 1 + np.stack([bins(scene, t) for t in frames], axis=1)
    rows = [
        *of_object[:3],
        state[top, panel],
        *of_object[3:],
        number[top, panel],
        panel + 1,
        *np.moveaxis(middle[top, panel], -1, 0),
    ]
    return np.where((most >= _LEAST) | (np.array(list(LABELS))[:, None, None] == "panel"), np.stack(rows), 0)


def bins(scene: Scene, t: int) -> NDArray[np.int64]:
    """Column and row (n, 2) of the middle of each object's box on frame `t`, clipped to the frame."""
    height, width = scene.size
    x0, y0, x1, y1 = np.nan_to_num(scene.boxes(t)).T
    shares = np.stack([(x0 + x1) / (2 * width), (y0 + y1) / (2 * height)], axis=1)
    return np.asarray(np.minimum((shares * BINS).astype(np.int64), np.array(BINS) - 1))


def entry_side(scene: Scene, i: int) -> str | None:
    """The side from which object `i` enters; ``None``: there from the start."""
    height, width = scene.size
    x0, y0, x1, y1 = scene.tracks.whole[i, 0]
    outside = (x1 <= 0, x0 >= width, y1 <= 0, y0 >= height)
    return _SIDES[outside.index(True)] if any(outside) else None


def invent_absent(scene: Scene, rng: np.random.Generator) -> Said:
    """A sentence that fits nothing in the scene though its words may fit in part."""
    there = scene.objects
    classes = {o.class_name for o in there}
    pairs = {(o.class_name, o.colour) for o in there}
    missing = str(rng.choice([c for c in CLASSES if c not in classes]))
    name = str(rng.choice(sorted(classes)))
    colour = str(rng.choice(sorted({o.colour for o in there})))
    other = str(rng.choice([c for c in COLOURS if (name, c) not in pairs]))
    sizes = {o.size_name for o in there if o.class_name == name}
    texts = [f"the {missing}", f"the {other} {name}", f"the {colour} {missing}"]
    if len(sizes) == 1 and rng.random() < 0.3:
        texts.append(f"the {'small' if 'large' in sizes else 'large'} {name}")
    if rng.random() < 0.3:
        places = (
            "on the left",
            "on the right",
            "at the top",
            "at the bottom",
            "that stays still",
            "moving up",
        )
        texts.append(f"the {missing} {rng.choice(places)}")
        texts.append(f"the two {missing}s")
    return Said(str(rng.choice(texts)), "absent", ())
