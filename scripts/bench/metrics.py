"""How fast J&F are, against the official rule done frame by frame, and how they grow with cores.

    python scripts/bench/metrics.py [--frames 40] [--sequences 30] [--workers 1 2 4] [--out metrics.json]

Everything is measured in one run, on drawn masks of 854 x 480 pixels. The official rule is done as the released
evaluation does it: intersection and union as bytes, contours dilated by scikit-image's disk. Where OpenCV is at
hand, the dilation is done with it too, and where the public package davis2017 is, by that package. Growth is that of
`score_folders` on PNG files. Prints JSON; exits with 1 if the scores differ.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.metrics import contour_accuracy, region_similarity, score_folders

Mask = NDArray[np.bool_]
Dilate = Callable[[Mask, NDArray[np.uint8]], Mask]
Way = Callable[[Mask, Mask], tuple[float, float]]
SIZE = (480, 854)


def drawn(frames: int, seed: int) -> Mask:
    """``(frames, 480, 854)``: a lobed blob that wanders and turns."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    lobes, depth, radius = rng.integers(3, 9), rng.uniform(0.1, 0.4), rng.uniform(60, 150)
    out = np.empty((frames, *SIZE), np.bool_)
    for t in range(frames):
        dy, dx = y - 240 - 60 * math.sin(t / 9 + seed), x - 427 - 200 * math.sin(t / 17)
        edge = radius * (1 + depth * np.sin(lobes * np.arctan2(dy, dx) + t / 5))
        out[t] = dy * dy + dx * dx < edge * edge
    return out


def official(prediction: Mask, truth: Mask, dilate: Dilate) -> tuple[float, float]:
    """J and F of one frame."""
    either = np.sum(prediction | truth)
    j = 1.0 if either == 0 else float(np.sum(prediction & truth) / either)
    from skimage.morphology import disk  # here, so that the workers of `growth` start without it

    radius = math.ceil(0.008 * math.hypot(*prediction.shape))
    ours, theirs = contour(prediction), contour(truth)
    near = dilate(theirs, disk(radius)), dilate(ours, disk(radius))
    if ours.sum() == 0 or theirs.sum() == 0:
        return j, float(ours.sum() == theirs.sum())
    precision, recall = np.sum(ours & near[0]) / ours.sum(), np.sum(theirs & near[1]) / theirs.sum()
    return j, 0.0 if precision + recall == 0 else float(2 * precision * recall / (precision + recall))


def contour(mask: Mask) -> Mask:
    """Where the right, lower or lower right neighbour differs."""
    right, below, diagonal = mask.copy(), mask.copy(), mask.copy()
    right[:, :-1], below[:-1], diagonal[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
    diagonal[-1, :-1], diagonal[:-1, -1] = mask[-1, 1:], mask[1:, -1]
    line: Mask = (mask ^ right) | (mask ^ below) | (mask ^ diagonal)
    return line


def by_skimage(mask: Mask, element: NDArray[np.uint8]) -> Mask:
    """As the evaluation of DAVIS 2016."""
    from skimage.morphology import dilation

    near: Mask = dilation(mask, element)
    return near


def by_package(prediction: Mask, truth: Mask) -> tuple[float, float]:
    """J and F of one frame by the public evaluation of DAVIS 2017."""
    from davis2017.metrics import db_eval_boundary, db_eval_iou

    return float(db_eval_iou(truth, prediction)), float(db_eval_boundary(truth, prediction))


def by_opencv(mask: Mask, element: NDArray[np.uint8]) -> Mask:
    """As the evaluation of DAVIS 2017."""
    import cv2

    near: Mask = cv2.dilate(mask.astype(np.uint8), element).astype(np.bool_)
    return near


def speed(frames: int) -> dict[str, Any]:
    """Milliseconds a frame of each way, best of three, and the largest difference between their scores."""
    prediction, truth = drawn(frames, 1), drawn(frames, 2)
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        scores = np.stack([region_similarity(prediction, truth), contour_accuracy(prediction, truth)], axis=1)
        best = min(best, time.perf_counter() - start)
    ways: dict[str, Way] = {"skimage": partial(official, dilate=by_skimage)}
    if find_spec("cv2") is not None:
        ways["opencv"] = partial(official, dilate=by_opencv)
        if find_spec("davis2017") is not None:
            ways["davis2017"] = by_package
    report: dict[str, Any] = {"ms": {"ours": 1000 * best / frames}, "times faster": {}, "difference": 0.0}
    for name, way in ways.items():
        start = time.perf_counter()
        expected = [way(one, other) for one, other in zip(prediction, truth, strict=True)]
        taken = time.perf_counter() - start
        report["ms"][name] = 1000 * taken / frames
        report["times faster"][name] = taken / best
        report["difference"] = max(report["difference"], float(np.abs(scores - expected).max()))
    return report


def growth(sequences: int, frames: int, workers: list[int]) -> dict[str, Any]:
    """Seconds of `score_folders` by number of workers, and how many times faster than the first number.

    On a machine that others use, the CPU seconds tell more: the work of all processes together, starts included.
    """
    with tempfile.TemporaryDirectory() as folder:
        for side, seed in (("pred", 1), ("truth", 2)):
            first = Path(folder) / side / "000"
            first.mkdir(parents=True)
            for t, mask in enumerate(drawn(frames, seed)):
                Image.fromarray(mask).save(first / f"{t:05}.png")
            for number in range(1, sequences):
                shutil.copytree(first, first.with_name(f"{number:03}"))
        seconds, cpu = {}, {}
        for count in workers:
            start, worked = time.perf_counter(), sum(os.times()[:4])
            score_folders(Path(folder) / "pred", Path(folder) / "truth", workers=count)
            seconds[str(count)] = time.perf_counter() - start
            cpu[str(count)] = sum(os.times()[:4]) - worked
    base = seconds[str(workers[0])]
    faster = {count: base / taken for count, taken in seconds.items()}
    return {"seconds": seconds, "cpu seconds": cpu, "times faster": faster}


def main() -> None:
    """Measure, print, and say by the exit code whether the scores agree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--sequences", type=int, default=30)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    report = {
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "frames": options.frames,
        "in memory": speed(options.frames),
        "folders": growth(options.sequences, options.frames, options.workers),
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")
    sys.exit(0 if report["in memory"]["difference"] < 1e-9 else 1)


if __name__ == "__main__":
    main()
