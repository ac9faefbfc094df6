"""Little videos made on the spot: every picture carries its own number, which survives lossy codecs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from alref_local.types import Image

os.environ.setdefault("SVT_LOG", "1")

BITS = 14


class Recipe(NamedTuple):
    """How to encode a clip."""

    name: str
    codec: str
    pixels: str = "yuv420p"
    options: Mapping[str, str] = {}


RECIPES = (
    Recipe("h264.mp4", "libx264", options={"g": "20"}),
    Recipe("h264.mkv", "libx264", options={"g": "20"}),
    Recipe(
        "h264-open-gop.mp4", "libx264", options={"g": "20", "x264-params": "open-gop=1:b-adapt=0:scenecut=0"}
    ),
    Recipe("h264-one-key.mp4", "libx264", options={"g": "9999", "sc_threshold": "0"}),
    Recipe("h264-b-frames.avi", "libx264", options={"g": "20", "bf": "2", "b_strategy": "0"}),
    Recipe("h264.ts", "libx264", options={"g": "20"}),
    Recipe("hevc.mp4", "libx265", options={"x265-params": "log-level=none:keyint=15"}),
    Recipe("hevc.mkv", "libx265", options={"x265-params": "log-level=none:keyint=15"}),
    Recipe("vp9.webm", "libvpx-vp9", options={"g": "20", "lag-in-frames": "16", "cpu-used": "8"}),
    Recipe("av1.webm", "libsvtav1", options={"g": "20", "preset": "12"}),
    Recipe("av1.mp4", "libsvtav1", options={"g": "20", "preset": "12"}),
    Recipe("mpeg4-b-frames.avi", "mpeg4", options={"g": "12", "bf": "2"}),
    Recipe("ffv1.mkv", "ffv1", "bgr0"),
    Recipe("rgb.mp4", "libx264rgb", "rgb24", options={"qp": "0", "g": "20"}),
)
LOSSLESS = ("ffv1.mkv", "rgb.mp4")


def picture(number: int, height: int = 96, width: int = 140) -> Image:
    """``(H, W, 3)``: the number as black and white blocks in the upper half, a moving ramp in the lower."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = (np.arange(width) + 3 * number) % 200
    image[..., 1] = np.linspace(0, 200, height)[:, None]
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        image[: height // 2, left:right] = 255 * (number >> bit & 1)
    return image


def number_of(image: Image) -> int:
    """The number that a decoded picture carries."""
    height, width = image.shape[:2]
    blocks = [image[: height // 2, bit * width // BITS : (bit + 1) * width // BITS] for bit in range(BITS)]
    return sum(int(block.mean() > 127) << bit for bit, block in enumerate(blocks))


def encode(
    path: Path,
    recipe: Recipe,
    frames: Iterable[Image],
    *,
    times_ms: Sequence[int] | None = None,
    container: Mapping[str, str] | None = None,
    prepare: Callable[[Any], None] | None = None,
) -> Path:
    """Encode frames at 25 per second, or at times in milliseconds; ``prepare`` gets the stream first."""
    try:
        av.Codec(recipe.codec, "w")
    except ValueError:
        pytest.skip(f"this FFmpeg cannot encode {recipe.codec}")
    base = Fraction(1, 25) if times_ms is None else Fraction(1, 1000)
    with av.open(str(path), "w", options=dict(container or {})) as sink:
        stream: Any = sink.add_stream(recipe.codec, rate=25, options=dict(recipe.options))
        stream.codec_context.time_base = base
        stream.pix_fmt = recipe.pixels
        if prepare is not None:
            prepare(stream)
        for place, image in enumerate(frames):
            if place == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = place if times_ms is None else times_ms[place], base
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode())
    return path


def clip(folder: Path, name: str = "h264.mkv", count: int = 50, **how: Any) -> Path:
    """Encode ``count`` numbered pictures by the recipe of that name."""
    recipe = next(recipe for recipe in RECIPES if recipe.name == name)
    return encode(folder / name, recipe, (picture(number) for number in range(count)), **how)


def spoil(path: Path, start: float, stop: float, *, name: str) -> Path:
    """A copy whose bytes between two shares of its length are zero, as in a broken download."""
    data = bytearray(path.read_bytes())
    first, last = int(len(data) * start), int(len(data) * stop)
    data[first:last] = bytes(last - first)
    return _write(path.with_name(name), bytes(data))


def cut(path: Path, share: float, *, name: str) -> Path:
    """A copy that ends after a share of the bytes."""
    data = path.read_bytes()
    return _write(path.with_name(name), data[: int(len(data) * share)])


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def same(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> bool:
    """Whether two pictures (or stacks) are equal to the last bit."""
    return bool(np.array_equal(first, second))
