"""mIoU and F of semantic audio-visual segmentation (AVSBench's AVSS) over label maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.metrics.davis import Floats
from alref_local.metrics.objects import Labels

__all__ = ["CLASSES", "ClassSums", "Semantic", "class_sums", "palette", "semantic"]

CLASSES = 71
"""70 categories and the background, number 0."""

_BETA2 = 0.3


class ClassSums(NamedTuple):
    """``(classes,)`` each: sums over frames of IoU and F, and the frames with the class in truth or prediction."""

    iou: Floats
    f: Floats
    frames: Floats


class Semantic(NamedTuple):
    """Means over classes; one that occurs in no frame counts 0. The second pair leaves the background out."""

    miou: float
    f: float
    miou_no_background: float
    f_no_background: float


def palette() -> NDArray[np.uint8]:
    """``(71, 3)`` uint8 RGB of label maps.

    Bits 0, 1, 2 of a category are the top bits of red, green, blue; bits 3, 4, 5 the next ones.
    """
    bits = np.arange(CLASSES)[:, None, None] >> np.arange(9).reshape(3, 3) & 1  # (category, round, channel)
    colours: NDArray[np.uint8] = (bits << np.array([7, 6, 5])[:, None]).sum(axis=1).astype(np.uint8)
    return colours


def class_sums(
    prediction: Labels, truth: Labels, *, classes: int = CLASSES, side: int | None = 224
) -> ClassSums:
    """Score the label maps of one video.

    Args:
        prediction: ``(T, H, W)``, numbers below ``classes``.
        truth: ``(T, H', W')``; the same size unless both are scaled.
        classes: how many there are, background included.
        side: both are scaled to a square of this side, nearest neighbour, as AVSBench does.

    Raises:
        ValueError: other numbers, another length, or another size.
    """
    if min(prediction.min(), truth.min()) < 0 or max(prediction.max(), truth.max()) >= classes:
        raise ValueError(f"label maps must hold numbers below {classes}")
    ours, theirs = (_scaled(labels, side) for labels in (prediction, truth))
    if ours.shape != theirs.shape:
        raise ValueError(f"label maps of different shape: {ours.shape} and {theirs.shape}")
    table = np.stack([_counts(one, other, classes) for one, other in zip(ours, theirs, strict=True)])
    hits = table.diagonal(axis1=1, axis2=2)
    area, real = table.sum(axis=1), table.sum(axis=2)
    either = area + real - hits
    # precision h/a and recall h/r make F = (1 + b) h / (b r + a), and 0 without a hit
    f = (1 + _BETA2) * hits / np.maximum(_BETA2 * real + area, 1)
    return ClassSums((hits / np.maximum(either, 1)).sum(0), f.sum(0), (either > 0).sum(0).astype(np.float64))


def semantic(videos: Sequence[ClassSums]) -> Semantic:
    """The benchmark's figures, for the sums of at least one video."""
    iou, f, frames = (np.sum(column, axis=0) for column in zip(*videos, strict=True))
    iou, f = iou / np.maximum(frames, 1), f / np.maximum(frames, 1)
    return Semantic(float(iou.mean()), float(f.mean()), float(iou[1:].mean()), float(f[1:].mean()))


def _counts(prediction: Labels, truth: Labels, classes: int) -> Floats:
    """``(truth, prediction)`` pixels of a frame."""
    pairs = truth.astype(np.int64) * classes + prediction
    return (
        np.bincount(pairs.ravel(), minlength=classes * classes).reshape(classes, classes).astype(np.float64)
    )


def _scaled(labels: Labels, side: int | None) -> Labels:
    if side is None:
        return labels
    frames = [
        Image.fromarray(frame.astype(np.uint8)).resize((side, side), Image.Resampling.NEAREST)
        for frame in labels
    ]
    return np.stack([np.asarray(frame) for frame in frames])
