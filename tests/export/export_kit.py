"""Run folders whose masks a test draws, and the public decoders' rules in a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alref_local.configs import load_config
from alref_local.masks import encode_stack
from alref_local.runs import Run, RunFolder, open_run
from alref_local.seams import VideoReader
from alref_local.types import MaskTrack, Query, TargetResult
from tests.fakes import ArrayVideo

__all__ = ["Masks", "brush_pixels", "cvat_pixels", "run_of"]

Masks = NDArray[np.bool_]
"""``(T, H, W)`` bool: one track."""


def run_of(
    folder: Path,
    objects: Sequence[tuple[str, Sequence[Masks]]],
    *,
    source: Path | str = "street.mp4",
    video: VideoReader | None = None,
    every: int = 1,
) -> Run:
    """A finished run: a sentence and its tracks each."""
    length, *size = next(track.shape for _, tracks in objects for track in tracks)
    images = np.zeros((length, *size, 3), np.uint8)
    run = RunFolder(folder)
    run.write_config(load_config("tiny"), {"name": "none", "kind": "none"})
    run.calls_path.touch()
    results, number = [], 0
    for at, (sentence, tracks) in enumerate(objects):
        owned = []
        for track in tracks:
            scores = tuple(0.5 + frame / 100 for frame in range(length))
            owned.append(MaskTrack(number, (size[0], size[1]), encode_stack(track), scores))
            number += 1
        found = any(track.any() for track in tracks)
        results.append(TargetResult(Query(str(at), sentence), "ok" if found else "no_target", tuple(owned)))
    run.write_result(video or ArrayVideo(images, name="street"), results, {})
    run.finish({"source": str(source), "window": {"start": None, "end": None, "every": every}})
    return open_run(folder)


def cvat_pixels(rle: str, left: int, top: int, width: int, height: int, size: tuple[int, ...]) -> Masks:
    """``(H, W)``: runs of background and foreground in turn, row by row in the box."""
    counts = [int(count) for count in rle.split(",")]
    values = np.arange(len(counts)) % 2 == 1
    mask = np.zeros(size, np.bool_)
    mask[top : top + height, left : left + width] = np.repeat(values, counts).reshape(height, width)
    return mask


def brush_pixels(packed: Sequence[int]) -> NDArray[np.uint8]:
    """All values of a stream of Label Studio's brush, bit by bit."""
    bits = "".join(f"{byte:08b}" for byte in packed)
    at = 0

    def read(width: int) -> int:
        nonlocal at
        at += width
        return int(bits[at - width : at], 2)

    total, word = read(32), read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < total:
        repeated = read(1)
        count = read(sizes[read(2)]) + 1
        values += [read(word)] * count if repeated else [read(word) for _ in range(count)]
    assert len(values) == total
    return np.array(values, np.uint8)
