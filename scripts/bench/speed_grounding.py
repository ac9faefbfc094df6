"""What pairs of a pivot frame and a sentence cost GroundingDINO, with what they share computed once and anew.

    python scripts/bench/speed_grounding.py [--model tiny:grounding_dino] [--frames 4] [--sentences 8] [--repeat 3]
        [--device cpu] [--threads 1]

On drawn clips, in seconds of the processor (on CUDA: seconds); figures are medians. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any

import torch

from alref_local.perceive.grounding import GroundingDino
from alref_local.types import Image
from alref_local.world import make_scene
from speed_run import clock

__all__ = ["main"]

Pairs = Sequence[tuple[Image, str]]


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="tiny:grounding_dino")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--sentences", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    grounder = GroundingDino(model=given.model, device=given.device)
    scene = make_scene("crowded", 700_000)
    frames = [scene.frame(scene.length * at // given.frames) for at in range(given.frames)]
    texts = [f"the number {at} of {len(scene.objects)} animals" for at in range(given.sentences)]
    orders = {
        "frame by frame": [(frame, text) for frame in frames for text in texts],
        "sentence by sentence": [(frame, text) for text in texts for frame in frames],
    }
    _seconds(grounder, orders["frame by frame"][:2], given.device, share=False)
    times: dict[str, list[float]] = {name: [] for name in (*orders, "nothing shared")}
    for _ in range(given.repeat):
        for name, pairs in orders.items():
            times[name].append(_seconds(grounder, pairs, given.device, share=True))
        times["nothing shared"].append(
            _seconds(grounder, orders["frame by frame"], given.device, share=False)
        )
    pair = {name: median(found) / (given.frames * given.sentences) for name, found in times.items()}
    return {
        "asked": vars(given),
        "ms a pair": {name: round(1e3 * seconds, 1) for name, seconds in pair.items()},
        "times cheaper": {name: round(pair["nothing shared"] / pair[name], 2) for name in orders},
    }


def _seconds(grounder: GroundingDino, pairs: Pairs, device: str, *, share: bool) -> float:
    """For all pairs, asked one at a time as the engine does; nothing is known at the start."""
    now = clock(device)
    _forget(grounder)
    start = now()
    for image, text in pairs:
        grounder.propose([image], [text])
        if not share:
            _forget(grounder)
    return now() - start


def _forget(grounder: GroundingDino) -> None:
    grounder._seen.cache_clear()
    grounder._read.cache_clear()


if __name__ == "__main__":
    json.dump(main(), sys.stdout, indent=2)
