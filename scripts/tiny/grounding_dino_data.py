"""Pictures of the drawn world as training batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset

from alref_local.world import CLASSES, COLOURS, PRESETS, Scene, make_scene
from grounding_dino_captions import Shot, draw_caption
from grounding_dino_loss import Truth
from grounding_dino_model import FIXED_IDS, LONG_EDGE, SHORT_EDGE, vocabulary

TRAINING_SEEDS: Final = 800_000
SHARES: Final = {
    "easy": 0.18,
    "late": 0.13,
    "hidden": 0.14,
    "ladder": 0.3,
    "crowded": 0.12,
    "absent": 0.03,
    "plural": 0.1,
}
SHOWN: Final = 0.3  # least visible share of an object that must be found
SHOTS_PER_CLIP: Final = 6
CANVASES: Final = ((240, 320), (320, 240), (240, 426))
CANVAS_SHARES: Final = (0.88, 0.06, 0.06)
MEAN: Final = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION: Final = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
CELL_KINDS: Final = 1 + len(CLASSES) * len(COLOURS)


class Batch(NamedTuple):
    """Normalised pixels (pictures, 3, H, W), token ids and mask (captions, t), and the truth."""

    pixels: Tensor
    ids: Tensor
    mask: Tensor
    truth: Truth


def take_shot(scene: Scene, t: int) -> Shot:
    """Frame `t` of a scene, as the saved image processor resizes it."""
    boxes, visible = scene.boxes(t), scene.visible(t)
    height, width = scene.size
    scaled = np.nan_to_num(boxes) / np.array([width, height, width, height], np.float32)
    said = tuple((s.text, s.kind, s.referents) for s in scene.sentences)
    picture = Image.fromarray(scene.frame(t)).resize(canvas(scene.size)[::-1], Image.Resampling.BILINEAR)
    shown = (visible >= SHOWN) & ~np.isnan(boxes).any(1)
    return Shot(np.array(picture).transpose(2, 0, 1), scene.objects, scaled.astype(np.float32), shown, said)


def canvas(size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a picture of `size` after the image processor: the short side is SHORT_EDGE."""
    short, long = min(size), max(size)
    edge = min(SHORT_EDGE, round(LONG_EDGE * short / long))
    height, width = (
        (edge, int(edge * long / short)) if size[0] <= size[1] else (int(edge * long / short), edge)
    )
    return height, width


class Clips(IterableDataset[list[Shot]]):  # type: ignore[misc]  # torch is not typed here
    """An endless stream of clips, a few shots each, all drawn from training seeds."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __iter__(self) -> Iterator[list[Shot]]:
        info = torch.utils.data.get_worker_info()
        if info:
            os.nice(10)  # the training itself comes first
        rng = np.random.default_rng((self.seed, info.id if info else 0))
        names = [p for p in PRESETS if p in SHARES]
        shares = np.array([SHARES[p] for p in names])
        while True:
            preset = names[int(rng.choice(len(names), p=shares / shares.sum()))]
            size = CANVASES[int(rng.choice(len(CANVASES), p=CANVAS_SHARES))]
            try:
                scene = make_scene(preset, int(rng.integers(TRAINING_SEEDS)), size=size)
            except ValueError:  # some seeds have no clip of the rarer sizes
                continue
            frames = rng.choice(scene.length, size=SHOTS_PER_CLIP, replace=False)
            yield [take_shot(scene, int(t)) for t in frames]


def make_batch(shots: Sequence[Shot], captions: int, rng: np.random.Generator) -> Batch:
    """`captions` captions for each of the shots (all of one canvas); half the shots are mirrored."""
    shots = [s.mirrored() if rng.random() < 0.5 else s for s in shots]
    drawn = [(shot, *draw_caption(shot, rng)) for shot in shots for _ in range(captions)]
    return collate(shots, drawn)


def collate(shots: Sequence[Shot], drawn: Sequence[tuple[Shot, list[str], NDArray[np.float32]]]) -> Batch:
    """Tensors of captions already drawn: (shot, words, wanted scores), grouped by shot."""
    known = vocabulary()
    tokens = max(len(words) for _, words, _ in drawn) + 2
    most = max(len(shot.objects) for shot in shots)
    ids = torch.zeros(len(drawn), tokens, dtype=torch.long)
    scores, boxes = torch.zeros(len(drawn), most, tokens), torch.full((len(drawn), most, 4), 0.5)
    count = []
    for row, (shot, words, wanted) in enumerate(drawn):
        inner = [known.get(w, FIXED_IDS["[UNK]"]) for w in words]
        ids[row, : len(words) + 2] = torch.tensor([FIXED_IDS["[CLS]"], *inner, FIXED_IDS["[SEP]"]])
        items = np.flatnonzero(shot.shown & (wanted > 0).any(1))
        scores[row, : len(items), 1 : 1 + len(words)] = torch.from_numpy(wanted[items])
        boxes[row, : len(items)] = torch.from_numpy(_centred(shot.boxes[items]))
        count.append(len(items))
    pixels = torch.from_numpy(np.stack([s.pixels for s in shots])).float()
    cells = torch.from_numpy(np.stack([cell_kinds(s) for s in shots]))
    return Batch((pixels / 255 - MEAN) / DEVIATION, ids, ids != 0, Truth(scores, boxes, count, cells))


def cell_kinds(shot: Shot) -> NDArray[np.int64]:
    """int64 (h, w) at stride 16: 0, or 1 + class * colours + colour of the smallest object over the cell's centre."""
    height, width = -(-shot.pixels.shape[1] // 16), -(-shot.pixels.shape[2] // 16)
    out = np.zeros((height, width), np.int64)
    x = (np.arange(width) * 16 + 8) / shot.pixels.shape[2]
    y = (np.arange(height) * 16 + 8) / shot.pixels.shape[1]
    area = (shot.boxes[:, 2:] - shot.boxes[:, :2]).prod(1)
    colours = list(COLOURS)
    for i in np.argsort(-area):
        if shot.shown[i]:
            x0, y0, x1, y1 = shot.boxes[i]
            this = shot.objects[i]
            kind = 1 + CLASSES.index(this.class_name) * len(colours) + colours.index(this.colour)
            out[np.ix_((y >= y0) & (y <= y1), (x >= x0) & (x <= x1))] = kind
    return out


def _centred(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """xyxy to cxcywh."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
