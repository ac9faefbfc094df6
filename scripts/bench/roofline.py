"""How much of the machine SAM 2 uses: operations a second, against what plain matrix products reach on it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from speed_run import Clip, Cost, boxes, clock, follow

__all__ = ["ceiling", "roofline"]


def ceiling(device: str, dtype: torch.dtype, side: int = 1024) -> float:
    """Operations a second of a large matrix product, the best of five."""
    now = clock(device)
    one, other = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    times = []
    for _ in range(5):
        start = now()
        torch.mm(one, other)
        times.append(now() - start)
    return float(2 * side**3 / min(times))


def roofline(engine: Any, clip: Clip, device: str, costs: Sequence[Cost]) -> dict[str, Any]:
    """Operations of encoder and memory path on a frame with full memories, and the share of the ceiling."""
    top, tracks = ceiling(device, engine._model.dtype), costs[0].tracks
    length = engine._model.config.num_maskmem + 2
    counted = []
    for frames in (length - 1, length):
        short = Clip(clip.frames(range(frames)), frames)
        with FlopCounterMode(display=False) as counter:
            follow(engine, short, boxes(clip.size, tracks, 0), device)
        of_encoder = sum(
            sum(kinds.values())
            for name, kinds in counter.get_flop_counts().items()
            if name.endswith(".vision_encoder") or name == "Sam2VisionModel"
        )
        counted.append((of_encoder, counter.get_total_flops()))
    encoder, everything = (last - before for before, last in zip(*counted, strict=True))
    seconds = median(cost.encoder for cost in costs), median(cost.memory for cost in costs) * tracks
    memory = everything - encoder
    return {
        "ceiling GFLOP/s": round(top / 1e9, 1),
        "encoder GFLOP": round(encoder / 1e9, 2),
        "memory path GFLOP": round(memory / tracks / 1e9, 2),
        "encoder share of ceiling": round(encoder / seconds[0] / top, 3),
        "memory path share of ceiling": round(memory / seconds[1] / top, 3),
    }
