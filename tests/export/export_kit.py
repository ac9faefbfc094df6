"""Run folders with known masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alref_local.configs import load_config
from alref_local.masks import encode
from alref_local.media import open_video, write_video
from alref_local.runs import RunFolder
from alref_local.types import MaskTrack, Query, TargetResult

__all__ = ["Masks", "blobs", "write_run"]

Masks = NDArray[np.bool_]
"""``(T, H, W)`` of one track."""


def blobs(seed: int, length: int = 4, size: tuple[int, int] = (30, 40)) -> Masks:
    """A block that moves, with ragged edges, and is gone on the second frame."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((length, *size), np.bool_)
    for t in range(length):
        if t != 1:
            y, x = rng.integers(0, (size[0] - 12, size[1] - 15))
            masks[t, y : y + 12, x : x + 15] = rng.random((12, 15)) < 0.8
    return masks


def write_run(
    folder: Path, sentences: dict[str, Sequence[Masks]], *, video: str = "clip.mp4", **window: Any
) -> Path:
    """The run folder of a clip of plain frames under ``folder/clip.mp4``, with these tracks by sentence."""
    (first, *_) = next(iter(sentences.values()))
    source = folder.parent / video
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not source.exists():
        frames = [np.full((*first.shape[1:], 3), 25 * t, np.uint8) for t in range(len(first))]
        write_video(source, frames, 10.0)
    number = iter(range(99))
    results = [
        TargetResult(
            Query(str(at), text),
            "ok",
            tuple(
                MaskTrack(next(number), track.shape[1:], tuple(map(encode, track)), (0.75,) * len(track))
                for track in tracks
            ),
        )
        for at, (text, tracks) in enumerate(sentences.items())
    ]
    run = RunFolder(folder)
    run.write_config(load_config("tiny"), {"name": "none", "kind": "none"})
    run.calls_path.touch()
    with open_video(source, **window) as opened:
        run.write_result(opened, results, {})
    run.finish({"source": str(source), "window": {"start": None, "end": None, "every": 1, **window}})
    return folder
