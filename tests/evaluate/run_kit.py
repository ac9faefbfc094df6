"""Run folders as an evaluation leaves them, with masks that a test chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.configs import load_config
from alref_local.datasets import DATASETS, Item, load_items
from alref_local.evaluate.merging import label_map_path
from alref_local.evaluate.tasks import query_ids
from alref_local.masks import encode
from alref_local.media import FrameFolder
from alref_local.metrics.avss import palette
from alref_local.runs import RunFolder
from alref_local.select.references import references
from alref_local.types import Heard, MaskTrack, Query, TargetResult
from tests.datasets.miniatures import MINIATURES

__all__ = ["Chosen", "items_of", "perfect", "write_run"]

Chosen = Callable[[Item, str, str], NDArray[np.bool_] | None]
"""From an item, a reference and a frame to a mask; ``None``: not tracked at all."""


def items_of(name: str, root: Path, split: str = "") -> list[Item]:
    """The items of a miniature."""
    if not root.exists():
        MINIATURES[name](root)
    return load_items(name, root, split)


def perfect(item: Item, reference: str, frame: str) -> NDArray[np.bool_] | None:
    """The truth; nothing where there is none."""
    size = (48, 64)
    (one,) = [one for one in item.references if one.id == reference]
    if one.group and item.truth is not None:
        return np.equal(item.truth.read(frame, size), one.object)
    if one.truth is None or frame not in one.truth.frames:
        return np.zeros(size, np.bool_)
    return one.truth.read(frame, size).astype(np.bool_)


def write_run(
    item: Item, folder: Path, mask: Chosen = perfect, things: Mapping[str, NDArray[np.bool_]] | None = None
) -> Path:
    """A finished run folder; of AVSS ``things`` by category, and label maps where references are merged."""
    assert isinstance(item.video, Path)
    video = FrameFolder(item.video, fps=1.0)
    names = [video.frame_name(frame) for frame in range(len(video))]
    results = []
    for id, query in query_ids(item).items():
        masks = [mask(item, id, name) for name in names]
        found = [one for one in masks if one is not None]
        track = MaskTrack(0, video.size, tuple(map(encode, found)), (1.0,) * len(found))
        status = "ok" if any(one.any() for one in found) else "no_target"
        (reference,) = [one for one in item.references if one.id == id]
        asked = Query(query, reference.text, sound=reference.sound)
        results.append(TargetResult(asked, status, (track,) if found else ()))  # type: ignore[arg-type]
    if things:
        heard = Heard(0, 0.0, 1.0, (0,), categories=tuple(things))
        results[0] = replace(results[0], heard=(heard,))
        named = references([heard], load_config("tiny").sound)  # in another spelling than the categories
        for number, (query_of_thing, shown) in enumerate(zip(named, things.values(), strict=True)):
            track = MaskTrack(number, video.size, (encode(shown),) * len(names), (1.0,) * len(names))
            results.append(TargetResult(query_of_thing, "ok", (track,)))
    run = RunFolder(folder)
    run.write_config(load_config("tiny"), {"name": "none", "kind": "none"})
    run.calls_path.touch()
    for group in dict.fromkeys(one.group for one in item.references if one.group):
        for name in names:
            labels = np.zeros(video.size, np.uint8)
            for one in item.references:
                if one.group == group and (meant := mask(item, one.id, name)) is not None:
                    labels[meant] = one.object
            path = label_map_path(folder, group, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(labels)
            image.putpalette(palette().tobytes())
            image.save(path)
    run.write_result(video, results, {})
    run.finish({})
    return folder


assert set(MINIATURES) < set(DATASETS)
