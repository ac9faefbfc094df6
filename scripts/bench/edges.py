"""What surrounds the models: the start of the command line, decoding, and writing a run's files.

    python scripts/bench/edges.py [--frames 200] [--repeat 5]

Everything in one run, on a drawn 640 x 480 video: starts in units of a bare Python's, decoding beside PyAV's plain loop
to RGB, writing beside Pillow and PyAV doing no more than is needed. Medians; prints JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.masks import encode_stack
from alref_local.media import open_video
from alref_local.media.encode import write_video
from alref_local.media.overlay import OverlayWriter
from alref_local.world import make_scene

__all__ = ["measured"]

SIZE, FPS = (480, 640), 24.0
STARTS = {
    "bare python": "pass",
    "alref-local --help": "import sys; sys.argv[1:] = ['--help']; from alref_local.cli import main; main()",
    "alref-local backends": "import sys; sys.argv[1:] = ['backends']; from alref_local.cli import main; main()",
    "import alref_local": "import alref_local",
    "import torch, transformers' SAM 2": "import torch; from transformers import Sam2VideoModel",
}


def measured(frames: int, repeat: int) -> dict[str, Any]:
    """All ratios."""
    scene = make_scene("easy", 800_000, size=SIZE)
    pictures = np.stack([scene.frame(at % scene.length) for at in range(frames)])
    masks = np.stack([scene.masks(at % scene.length)[0] for at in range(frames)])
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        write_video(folder / "clip.mp4", pictures, FPS)
        ways: dict[str, dict[str, Callable[[], object]]] = {
            "start": {name: partial(_start, code) for name, code in STARTS.items()},
            "decode": {
                "PyAV alone": lambda: _plain_decode(folder / "clip.mp4"),
                "forward": lambda: _decode(folder / "clip.mp4", reverse=False),
                "backward": lambda: _decode(folder / "clip.mp4", reverse=True),
            },
            "write": {
                "PyAV alone, no overlay": lambda: _plain_encode(folder / "plain.mp4", pictures),
                "overlay video": lambda: _overlay(folder / "overlay.mp4", pictures, masks),
                "Pillow PNG": lambda: _png(folder, masks),
                "RLE": lambda: encode_stack(masks),
            },
        }
        return {name: _ratios(among, repeat) for name, among in ways.items()}


def _ratios(ways: dict[str, Callable[[], object]], repeat: int) -> dict[str, dict[str, float]]:
    """Seconds of each, and the median of the ratios to the first within a repeat."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeat):
        for name, work in ways.items():
            begun = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - begun)
    first = next(iter(times.values()))
    return {
        name: {
            "ms": round(1e3 * median(of), 1),
            "ratio": round(median(one / base for one, base in zip(of, first, strict=True)), 2),
        }
        for name, of in times.items()
    }


def _start(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def _plain_decode(path: Path) -> None:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            frame.to_ndarray(format="rgb24")


def _decode(path: Path, *, reverse: bool) -> None:
    with open_video(path) as video:
        for _ in video.stream(reverse=reverse):
            pass


def _plain_encode(path: Path, pictures: NDArray[np.uint8]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=int(FPS), options={"crf": "20", "preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _overlay(path: Path, pictures: NDArray[np.uint8], masks: NDArray[np.bool_]) -> None:
    with OverlayWriter(path, SIZE, FPS) as video:
        for picture, mask in zip(pictures, masks, strict=True):
            video.write(picture, {0: mask}, {0: "the frog"})


def _png(folder: Path, masks: NDArray[np.bool_]) -> None:
    for mask in masks:
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "mask.png")


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    print(json.dumps(vars(given) | measured(given.frames, given.repeat), indent=2))


if __name__ == "__main__":
    main()
