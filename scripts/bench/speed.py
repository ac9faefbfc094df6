"""What following objects costs: this project's SAM 2 engine beside transformers' session and the sam2 package.

    python scripts/bench/speed.py [--model tiny:sam2 | --random sam2.1-large] [--tracks 1 4 8 16] [--frames 40]
        [--repeat 3] [--peak 300 3000] [--device cpu] [--dtype float32] [--ahead N] [--compile] [--threads 1]

Everything is measured in one run, on a drawn clip of 320 x 240 pixels, all tracks prompted on its first frame. E is
what a frame costs, M what a track costs on top of it; figures are medians, ratios are taken within a repeat. On a CPU
seconds are those of the processor, which other processes do not count in. ``--random`` makes a checkpoint of a
released size with random weights, which takes the same time; its masks mean nothing. ``--peak`` measures the peak
memory of fresh processes over so many frames. The package takes part where it is installed, and on CUDA its compiled
predictor too. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from alref_local.models.resolve import resolve
from alref_local.perceive.masks import binarize
from alref_local.perceive.sam2_package import Sam2Package
from alref_local.perceive.segmentation import Sam2
from alref_local.types import Box, FrameMasks, Prompt
from alref_local.world import make_scene
from plain import PlainSam2
from roofline import roofline
from sam2_sizes import random_checkpoint
from speed_peak import peaks
from speed_run import Clip, Cost, boxes, follow, preparing

__all__ = ["claims", "measured"]

DRAWN = 24
"""Frames that are drawn; a longer clip repeats them."""
STARTS = (0.1, 0.5, 0.9)
"""Where in the clip tracks start when they do not start together."""


def engines(given: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """Those that can take part, by name."""
    how: dict[str, Any] = {
        "model": given.model,
        "resize": "bilinear",
        "dtype": given.dtype,
        "device": given.device,
    }
    found: dict[str, Callable[[], Any]] = {
        "ours": lambda: Sam2(**how, ahead=given.ahead, compile=given.compile),
        "transformers": lambda: PlainSam2(**how),
    }
    if find_spec("sam2") is not None:
        found["sam2"] = lambda: Sam2Package(**how)
        if given.device.startswith("cuda"):
            found["sam2 vos_optimized"] = lambda: Sam2Package(**how, compile=True)
    return found


def measured(given: argparse.Namespace) -> dict[str, Any]:
    """The report without peaks."""
    scene = make_scene("crowded", 700_000, length=DRAWN)
    clip = Clip(np.stack([scene.frame(at) for at in range(DRAWN)]), given.frames)
    loaded = {name: make() for name, make in engines(given).items()}
    prepared = preparing(clip, int(loaded["ours"]._model.image_size), given.device, "bilinear")
    runs: dict[str, dict[int, list[Cost]]] = {name: {n: [] for n in given.tracks} for name in loaded}
    for engine in loaded.values():  # the first run pays for what is made once
        follow(engine, Clip(clip.frames(range(3)), 3), boxes(clip.size, 2, 0), given.device)
    for repeat in range(given.repeat):
        for tracks in given.tracks:
            for name, engine in loaded.items():
                cost = follow(engine, clip, boxes(clip.size, tracks, 0), given.device, prepared)
                runs[name][tracks].append(replace(cost, masks=[] if repeat else cost.masks))
    return {
        "engines": {name: {n: _summary(costs) for n, costs in of.items()} for name, of in runs.items()},
        "claims": claims(runs, given.tracks),
        "encoder calls per frame": _calls(loaded["ours"], clip, given.device),
        "masks": {name: _alike(runs["ours"], runs[name], clip.size) for name in runs if name != "ours"},
        "roofline": roofline(loaded["ours"], clip, given.device, runs["ours"][min(given.tracks)]),
    }


def claims(runs: dict[str, dict[int, list[Cost]]], tracks: Sequence[int]) -> dict[str, float]:
    """The ratios that the project holds itself to, for the most tracks against one."""
    one, many = min(tracks), max(at for at in tracks if at <= 8)
    ours, plain = runs["ours"], runs["transformers"]

    def ratio(of: Callable[[int], float]) -> float:
        return round(median(of(at) for at in range(len(ours[one]))), 3)

    return {
        "tracks": many,
        "cost of all to one": ratio(lambda at: ours[many][at].total / ours[one][at].total),
        "(E + nM) / (E + M)": ratio(
            lambda at: (
                (ours[one][at].encoder + many * ours[one][at].memory)
                / (ours[one][at].encoder + ours[one][at].memory)
            )
        ),
        "M alone to M together": ratio(lambda at: ours[one][at].memory / ours[many][at].memory),
        "M of transformers one by one to M together": ratio(
            lambda at: plain[many][at].memory / ours[many][at].memory
        ),
        "times faster than transformers, one track": ratio(
            lambda at: plain[one][at].total / ours[one][at].total
        ),
        "times faster than transformers, all": ratio(lambda at: plain[many][at].total / ours[many][at].total),
    }


def _summary(costs: Sequence[Cost]) -> dict[str, float]:
    total = median(cost.total / cost.frames for cost in costs)
    return {
        "frames per second": round(1 / total, 2),
        "E ms": round(1e3 * median(cost.encoder for cost in costs), 2),
        "M ms": round(1e3 * median(cost.memory for cost in costs), 2),
        "encoder calls per frame": costs[0].encoded / costs[0].frames,
    }


def _calls(engine: Any, clip: Clip, device: str) -> dict[str, float]:
    """How often a frame is encoded, when tracks start together and when they do not."""
    length, box = 30, Box(10, 10, 120, 120)
    long = Clip(clip.frames(range(len(clip))), length)
    apart = [Prompt(at, int(where * (length - 1)), box=box) for at, where in enumerate(STARTS)]
    together = [Prompt(at, length // 2, box=box) for at in range(len(STARTS))]
    ways = {"one start": together, "starts apart": apart}
    return {name: follow(engine, long, prompts, device).encoded / length for name, prompts in ways.items()}


def _alike(
    ours: dict[int, list[Cost]], theirs: dict[int, list[Cost]], size: tuple[int, int]
) -> dict[str, float]:
    """Over all frames and tracks: the largest difference of any logit, and the IoU of the masks."""
    both = either = 0
    apart = 0.0
    for tracks in ours:
        known = {one.frame: one for one in theirs[tracks][0].masks}
        for mine in ours[tracks][0].masks:
            other = known[mine.frame]
            apart = max(apart, float(np.abs(_float(mine) - _float(other)).max()))
            masks, others = binarize(mine, size), binarize(other, size)
            both, either = both + int((masks & others).sum()), either + int((masks | others).sum())
    return {"largest difference of logits": apart, "IoU": both / either if either else 1.0}


def _float(masks: FrameMasks) -> Any:
    return masks.logits.astype(np.float32)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="tiny:sam2")
    parser.add_argument("--random")
    parser.add_argument("--tracks", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peak", type=int, nargs="+", default=[])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--ahead", type=int)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    given = _parsed(arguments)
    torch.set_num_threads(given.threads)
    on_gpu = given.device.startswith("cuda")
    with tempfile.TemporaryDirectory() as folder:
        if given.random:
            random_checkpoint(given.random, Path(folder))
            given.model = folder
        given.model = str(resolve(given.model))
        return {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": torch.cuda.get_device_name(given.device)
            if on_gpu
            else platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "asked": vars(given) | {"model": given.random or given.model},
            **(measured(given) if given.frames else {}),
            **({"peak memory": peaks(given, list(engines(given)))} if given.peak else {}),
        }


if __name__ == "__main__":
    json.dump(main(), sys.stdout, indent=2)
