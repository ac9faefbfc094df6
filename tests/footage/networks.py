"""Two small real networks on ONNX Runtime: a COCO detector and a saliency model."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image as Pil

from alref_local.types import Image

__all__ = ["DATA", "Boxes", "Floats", "class_names", "detect", "iou", "saliency"]

DATA = Path(__file__).parents[2] / "../shared/data"
Floats = NDArray[np.float32]
Boxes = NDArray[np.float32]
"""``(n, 6)``: x0, y0, x1, y1, score, class."""

_SIDE = 416  # of the detector's input
_BINS = 8  # a distance to a box's edge is the expectation over this many strides
_SALIENCY_SIDE = 320


@cache
def class_names() -> tuple[str, ...]:
    """The 80 classes of COCO."""
    return tuple((DATA / "weights/coco.names").read_text().split("\n")[:80])


def detect(image: Image, least: float = 0.1, overlap: float = 0.6) -> Boxes:
    """Objects of all classes, best first, thinned per class."""
    height, width = image.shape[:2]
    blue_first = _resized(image, _SIDE)[..., ::-1]
    pixels = (blue_first - [103.53, 116.28, 123.675]) / [57.375, 57.12, 58.395]
    outputs = _run("picodet_s_416_coco.onnx", pixels)
    found = np.concatenate([_level(outputs[k], outputs[k + 4], 8 << k, least) for k in range(4)])
    found[:, :4] *= np.array([width, height, width, height], np.float32) / _SIDE
    kept: list[NDArray[np.float32]] = []
    for row in found[np.argsort(-found[:, 4], kind="stable")]:
        rivals = np.array([other for other in kept if other[5] == row[5]], np.float32).reshape(-1, 6)
        if not np.any(iou(row, rivals) > overlap):
            kept.append(row)
    return np.array(kept, np.float32).reshape(-1, 6)


def saliency(image: Image) -> Floats:
    """``(320, 320)`` probability that a pixel belongs to what the picture shows."""
    raw = _resized(image, _SALIENCY_SIDE)
    pixels = (raw / max(float(raw.max()), 1.0) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    probability: Floats = _run("u2netp.onnx", pixels)[0][0]
    return probability


def iou(box: Floats, boxes: Floats) -> Floats:
    """Overlap of one box with ``n`` boxes; columns beyond the fourth are ignored."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:4], boxes[:, 2:4])
    both = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
    share: Floats = both / (np.prod(box[2:4] - box[:2]) + areas - both)
    return share


def _level(scores: Floats, distances: Floats, stride: int, least: float) -> Boxes:
    """Boxes of one pyramid level: scores ``(n, 80)``, distances to the four edges ``(n, 4 x bins)``."""
    cell, label = np.nonzero(scores > least)
    across = -(-_SIDE // stride)
    centre = (np.stack([cell % across, cell // across], axis=1) + 0.5) * stride
    weights = np.exp(distances[cell].reshape(-1, 4, _BINS))
    reach = (weights * np.arange(_BINS)).sum(-1) / weights.sum(-1) * stride
    corners = np.concatenate([centre - reach[:, :2], centre + reach[:, 2:]], axis=1)
    return np.column_stack([corners, scores[cell, label], label]).astype(np.float32)


def _resized(image: Image, side: int) -> Floats:
    return np.asarray(Pil.fromarray(image).resize((side, side), Pil.Resampling.BILINEAR), np.float32)


def _run(weights: str, pixels: NDArray[np.floating[Any]]) -> list[Any]:
    """All outputs, without the batch axis, for ``(H, W, 3)`` pixels."""
    session = _session(weights)
    batch = pixels.transpose(2, 0, 1)[None].astype(np.float32)
    return [output[0] for output in session.run(None, {session.get_inputs()[0].name: batch})]


@cache
def _session(weights: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3  # the files list their weights as inputs, and every one would be warned of
    return ort.InferenceSession(str(DATA / "weights" / weights), options, providers=["CPUExecutionProvider"])
