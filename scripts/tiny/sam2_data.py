"""Training clips of the drawn world: a pool on disk that a process keeps refilling, and batches cut from it.

Drawing while training would halve the speed, so `fill` runs in a process of its own and overwrites the oldest
clip again and again. A clip read while it is being overwritten shows two scenes at once in a few frames; this
happens to about one clip in a thousand and does no harm.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from alref_local.world import make_scene
from sam2_model import IMAGE_SIZE

LAST_TRAINING_SEED = 799_999
CLIP = 10
"""Frames of a pooled clip."""
OBJECTS = 5
"""Objects kept of a clip."""
MIX = {"easy": 0.1, "late": 0.15, "hidden": 0.2, "ladder": 0.45, "crowded": 0.1}
STRIDES = (1, 1, 2, 3)
COMPANY = 0.8
"""Share of windows chosen among several for the other objects in them; alone, an object is too easy to follow."""
REST = 0.4
"""Seconds between two clips once the pool is full: a core has better things to do than to draw."""
IN_VIEW = 0.6
"""Least visible share of an object on a frame on which it is prompted."""
MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


class Batch(NamedTuple):
    """Windows of S pixels cut from C clips of T frames, with B objects to follow."""

    pixels: Tensor
    """(C*T, 3, S, S) float, normalised."""
    corners: Tensor
    """(C*T, 2) int: left and top of the window in the whole frame."""
    owner: Tensor
    """(B,) int: the clip of each object."""
    masks: Tensor
    """(B, T, S/2, S/2) float: how much of each cell the object's visible part fills."""
    boxes: Tensor
    """(B, P, 4) xyxy of the whole object on the P prompted frames, in pixels of the whole frame."""


class Pool:
    """Arrays on disk, written by one process and read by another."""

    def __init__(self, folder: Path, slots: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        half = IMAGE_SIZE // 2
        self.slots = slots
        self.frames = _array(folder / "frames", np.uint8, (slots, CLIP, IMAGE_SIZE, IMAGE_SIZE, 3))
        self.masks = _array(folder / "masks", np.uint8, (slots, CLIP, OBJECTS, half, half))
        self.boxes = _array(folder / "boxes", np.float32, (slots, CLIP, OBJECTS, 4))
        self.shares = _array(folder / "shares", np.float32, (slots, CLIP, OBJECTS))
        self.drawn = _array(folder / "drawn", np.int64, (1,))

    @property
    def filled(self) -> int:
        """Slots that hold a clip."""
        return min(int(self.drawn[0]), self.slots)


def _array(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    mode: Literal["r+", "w+"] = "r+" if path.exists() and path.stat().st_size == size else "w+"
    return np.memmap(path, dtype, mode, shape=shape)


def resize(frames: NDArray[np.uint8], size: int) -> Tensor:
    """uint8 (T, H, W, 3) to uint8 (T, 3, size, size), as the segmenter does it."""
    tensor = torch.from_numpy(frames).permute(0, 3, 1, 2)
    return F.interpolate(tensor, (size, size), mode="bilinear", antialias=True)


def normalise(frames: Tensor) -> Tensor:
    """uint8 (..., 3, H, W) to float of mean 0 and deviation 1 over natural images."""
    return (frames.float() / 255 - MEAN.to(frames.device)) / STD.to(frames.device)


def draw_clip(pool: Pool, slot: int, rng: np.random.Generator) -> None:
    """Draw a random training clip into `slot`."""
    preset = rng.choice(list(MIX), p=np.array(list(MIX.values())))
    scene = make_scene(str(preset), int(rng.integers(LAST_TRAINING_SEED + 1)))
    stride = int(rng.choice(STRIDES))
    stride = min(stride, (scene.length - 1) // (CLIP - 1))
    start = int(rng.integers(scene.length - (CLIP - 1) * stride))
    times = range(start, start + CLIP * stride, stride)
    kept = rng.permutation(len(scene.objects))[:OBJECTS]
    height, width = scene.size
    scale = np.array([IMAGE_SIZE / width, IMAGE_SIZE / height] * 2, np.float32)
    boxes = np.full((CLIP, OBJECTS, 4), np.nan, np.float32)
    shares = np.zeros((CLIP, OBJECTS), np.float32)
    soft = np.zeros((CLIP, OBJECTS, IMAGE_SIZE // 2, IMAGE_SIZE // 2), np.uint8)
    for row, at in enumerate(times):
        boxes[row, : len(kept)] = scene.boxes(at)[kept] * scale
        shares[row, : len(kept)] = scene.visible(at)[kept]
        masks = torch.from_numpy(scene.masks(at)[kept]).byte()[None] * 255
        filled = F.interpolate(masks, soft.shape[-2:], mode="bilinear", antialias=True)[0]
        soft[row, : len(kept)] = filled.numpy()
    frames = np.stack([scene.frame(at) for at in times])
    pool.frames[slot] = resize(frames, IMAGE_SIZE).permute(0, 2, 3, 1).numpy()
    pool.masks[slot], pool.boxes[slot], pool.shares[slot] = soft, boxes, shares


def fill(folder: Path, slots: int, seed: int) -> None:
    """Draw clips into the pool (the body of the drawing process) until the trainer is gone; gently once it is full."""
    torch.set_num_threads(1)
    os.nice(10)
    trainer = os.getppid()
    pool = Pool(folder, slots)
    while os.getppid() == trainer:
        drawn = int(pool.drawn[0])
        draw_clip(pool, drawn % slots, np.random.default_rng((seed, drawn)))
        pool.drawn[0] = drawn + 1
        if drawn >= slots:
            time.sleep(REST)


def cut(
    pool: Pool,
    rng: np.random.Generator,
    clips: int,
    length: int,
    prompted: list[int],
    side: int,
    vanishing: float = 0.0,
    per_clip: int = 2,
) -> Batch:
    """A random batch of clips of `length` frames, in windows of `side` pixels.

    Each object is well in view on the frames `prompted`; with probability `vanishing` the first one of a clip
    is out of sight on some other frame.
    """
    frames, corners, owner, masks, boxes = [], [], [], [], []
    for clip in range(clips):
        slot, start, lead = _choose(pool, rng, length, prompted, rng.random() < vanishing)
        at = [start + t for t in prompted]
        rows = slice(start, start + length)
        x, y = _window(pool.boxes[slot, at[0], lead], side, rng)
        if side < IMAGE_SIZE and rng.random() < COMPANY:
            x, y = _shared_window(pool, slot, rows, lead, at[0], side, rng)
        frames.append(pool.frames[slot, rows, y : y + side, x : x + side])
        corners += [(x, y)] * length
        others = [k for k in range(OBJECTS) if k != lead and pool.shares[slot, at, k].min() >= IN_VIEW]
        rng.shuffle(others)
        window = pool.masks[slot, rows, :, y // 2 : (y + side) // 2, x // 2 : (x + side) // 2]
        inside = window[prompted].sum((2, 3), dtype=np.int64)
        whole = pool.masks[slot, at].sum((2, 3), dtype=np.int64)
        chosen = [lead, *(k for k in others if (inside[:, k] > 0.5 * whole[:, k]).all())][:per_clip]
        owner += [clip] * len(chosen)
        masks += [window[:, k] for k in chosen]
        limits = np.array([x, y, x, y], np.float32)
        boxes += [np.clip(pool.boxes[slot, at, k], limits, limits + side) for k in chosen]
    pixels = torch.from_numpy(np.concatenate(frames)).permute(0, 3, 1, 2)
    return Batch(
        normalise(pixels),
        torch.tensor(corners),
        torch.tensor(owner),
        torch.from_numpy(np.stack(masks)).float() / 255,
        torch.from_numpy(np.stack(boxes)),
    )


def _choose(
    pool: Pool, rng: np.random.Generator, length: int, prompted: list[int], vanishes: bool
) -> tuple[int, int, int]:
    """A slot, a first frame and an object that is in view on the prompted frames."""
    for attempt in range(400):
        slot = int(rng.integers(pool.filled))
        start = int(rng.integers(CLIP - length + 1))
        shares = pool.shares[slot, start : start + length]
        fit = (shares[prompted] >= IN_VIEW).all(0)
        if vanishes and attempt < 200:
            fit &= (shares <= 0).any(0)
        if fit.any():
            return slot, start, int(rng.choice(np.flatnonzero(fit)))
    raise RuntimeError("no object in view in 400 clips of the pool")


def _shared_window(
    pool: Pool, slot: int, rows: slice, lead: int, at: int, side: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Of a few windows around the lead's box, the one that shows most of other objects."""
    others = np.logical_or.reduce(np.delete(pool.masks[slot, rows], lead, axis=1)[..., ::4, ::4], axis=(0, 1))
    places = [_window(pool.boxes[slot, at, lead], side, rng) for _ in range(6)]
    return max(
        places,
        key=lambda p: int(others[p[1] // 8 : (p[1] + side) // 8, p[0] // 8 : (p[0] + side) // 8].sum()),
    )


def _window(box: NDArray[np.float32], side: int, rng: np.random.Generator) -> tuple[int, int]:
    """Left and top of a window around the box, multiples of 32."""
    place = []
    for low, high in ((box[0], box[2]), (box[1], box[3])):
        first, last = max(0.0, high - side), min(float(IMAGE_SIZE - side), low)
        where = rng.uniform(first, last) if first < last else (first + last) / 2
        place.append(int(np.clip(round(where / 32) * 32, 0, IMAGE_SIZE - side)))
    return place[0], place[1]
