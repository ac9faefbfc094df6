"""How many times faster than real time BEATs tags, at the size of Microsoft's checkpoints.

    python scripts/bench/beats.py [--model NAME] [--seconds 10] [--runs 5] [--device cpu] [--threads 2] [--json]

Without ``--model`` the weights are random, which takes the same time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from alref_local.perceive.audioset import audioset_names
from alref_local.perceive.beats import BeatsConfig, BeatsModel
from alref_local.perceive.beats_files import BeatsCheckpoint, write_folder
from alref_local.perceive.fbank import RATE
from alref_local.perceive.tagging import Beats


def untrained(folder: Path) -> str:
    """A base-size checkpoint."""
    config = BeatsConfig()
    tensors = BeatsModel(config).state_dict()
    write_folder(BeatsCheckpoint(folder, config, audioset_names(), tensors), folder)
    return str(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        beats = Beats(model=given.model or untrained(Path(folder)), device=given.device)
    samples = np.random.default_rng(0).normal(0, 0.1, round(given.seconds * RATE)).astype(np.float32)
    times = []
    for _ in range(given.runs + 1):
        start = time.perf_counter(), time.process_time()
        beats.tags(samples, 5)
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    taken, busy = np.median(times[1:], axis=0).tolist()  # the first run pays for what is set up once
    row = {
        "seconds of sound": given.seconds,
        "seconds taken": round(taken, 3),
        "processor seconds": round(busy, 3),  # of all cores; on a busy machine the better measure
        "times real time": round(given.seconds / taken, 1),
    }
    print(json.dumps(row) if given.as_json else "  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
