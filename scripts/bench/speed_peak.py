"""Peak memory of an engine over a long clip, each time in a process of its own."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alref_local.masks import TrackBuilder
from alref_local.perceive.masks import binarize
from speed_run import Clip, boxes

__all__ = ["peak_here", "peaks"]

MIB = 2**20


def peaks(given: argparse.Namespace, names: list[str]) -> dict[str, Any]:
    """MiB for 1 and 8 tracks at each number of frames, and what the longest adds to the shortest.

    Engines that keep everything take part in the shortest clip alone.
    """
    found: dict[str, Any] = {}
    for name in names:
        lengths = given.peak if name != "transformers" else [min(given.peak)]
        for tracks in (1, 8):
            peak = {length: _peak(given, name, tracks, length) for length in lengths}
            growth = peak[max(lengths)] / peak[min(lengths)] - 1
            found[f"{name}, {tracks} tracks"] = {"MiB": peak, "growth": round(growth, 4)}
    return found


def _peak(given: argparse.Namespace, name: str, tracks: int, length: int) -> float:
    asked = {"model": given.model, "device": given.device, "dtype": given.dtype, "threads": given.threads}
    command = [
        sys.executable,
        __file__,
        json.dumps(asked | {"name": name, "tracks": tracks, "length": length}),
    ]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def peak_here(asked: dict[str, Any]) -> float:
    """Follow tracks to their end, run-length codes and all; the peak of this process in MiB."""
    from speed import engines

    torch.set_num_threads(asked["threads"])
    given = argparse.Namespace(**asked, ahead=None, compile=False)
    drawn = np.random.default_rng(0).integers(0, 256, (8, 240, 320, 3), np.uint8)
    clip = Clip(drawn, asked["length"])
    builder = TrackBuilder(len(clip), clip.size, range(asked["tracks"]))
    prompts = boxes(clip.size, asked["tracks"], len(clip) // 2)
    for one in engines(given)[asked["name"]]().track(clip, prompts):
        builder.add(one.frame, one.track_ids, binarize(one, clip.size), one.object_score)
    if asked["device"].startswith("cuda"):
        return float(torch.cuda.max_memory_allocated(asked["device"])) / MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    print(peak_here(json.loads(sys.argv[1])))
