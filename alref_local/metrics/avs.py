"""Scores of audio-visual segmentation: M_J, the three things that are called M_F, and S of Ref-AVS.

Every number of a frame is made of counts, so that a video leaves a small table and the rule that turns the tables
of all videos into one figure can be chosen, or changed, afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.metrics.bits import Mask, count, pack
from alref_local.metrics.davis import Floats, contour_accuracy

__all__ = ["M_F", "FrameScores", "avsbench_f", "frame_scores", "m_j", "null_s", "paper_f", "released_f"]

Counts = NDArray[np.int64]

_BETA2 = 0.3


class FrameScores(NamedTuple):
    """``(n,)`` frames.

    Attributes:
        iou: intersection over union; where the truth is empty, the share of pixels that the mask leaves free.
        f: region F of the mask, with beta^2 = 0.3; 0 where the truth is empty.
        f_all: that of the whole picture, which the threshold 0 of AVSBench's curve lets in.
        contour: F of the DAVIS benchmark.
        sounding: the truth is not empty.
    """

    iou: Floats
    f: Floats
    f_all: Floats
    contour: Floats
    sounding: Mask


def frame_scores(prediction: Mask, truth: Mask) -> FrameScores:
    """Score ``(n, H, W)`` bool against truth of that shape."""
    if prediction.shape != truth.shape or prediction.ndim != 3:
        raise ValueError(f"masks of different shape: {prediction.shape} and {truth.shape}")
    pixels = prediction.shape[1] * prediction.shape[2]
    ours, theirs = pack(prediction), pack(truth)
    area, real, hits = count(ours), count(theirs), count(ours & theirs)
    sounding = real > 0
    iou = np.where(sounding, hits / np.maximum(area + real - hits, 1), (pixels - area) / pixels)
    whole = _f(real, np.full_like(real, pixels), real)
    return FrameScores(iou, _f(hits, area, real), whole, contour_accuracy(prediction, truth), sounding)


def m_j(videos: Sequence[FrameScores]) -> float:
    """M_J: the mean of ``iou`` over all frames (AVSBench); NaN if there is none."""
    return _mean([video.iou for video in videos])


def paper_f(videos: Sequence[FrameScores]) -> float:
    """M_F as the paper has it, the same F as that of sentences: the mean of ``contour``; NaN if there is no frame."""
    return _mean([video.contour for video in videos])


def avsbench_f(videos: Sequence[FrameScores], batch: int = 4) -> float:
    """M_F as AVSBench's test script has it; NaN if no frame sounds.

    The curve over thresholds is averaged over the sounding frames of ``batch`` videos, its maximum is that batch's
    figure, and their mean is the score: it depends on the batch size and on the order of the videos. The curve of
    masks has two values, that of the mask and that of the whole picture. A batch in which nothing sounds counts 0.
    """
    figures = []
    for at in range(0, len(videos), batch):
        sounding = np.concatenate([video.sounding for video in videos[at : at + batch]])
        curves = [
            np.concatenate([getattr(video, name) for video in videos[at : at + batch]])
            for name in ("f", "f_all")
        ]
        figures.append(max(float(curve[sounding].mean()) for curve in curves) if sounding.any() else 0.0)
    return float(np.mean(figures)) if figures else float("nan")


def released_f(videos: Sequence[FrameScores]) -> float:
    """M_F as the released code of AL-Ref-SAM 2 has it: every frame has its own maximum, a silent one counts 0.

    An empty or wrong mask scores as the whole picture does, unless nothing sounds. NaN if there is no frame.
    """
    return _mean([np.maximum(video.f, video.f_all) for video in videos])


M_F: Final[Mapping[str, Callable[[Sequence[FrameScores]], float]]] = {
    "paper": paper_f,
    "avsbench": avsbench_f,
    "released": released_f,
}
"""The three things that are called M_F; AVSBench's by batches of four videos."""


def null_s(prediction: Mask) -> float:
    """S of the Null split of Ref-AVS, lower is better: root of the share of ``(n, H, W)`` that is foreground."""
    return float(np.sqrt(prediction.mean()))


def _mean(frames: Sequence[Floats]) -> float:
    return float(np.mean(np.concatenate(frames))) if frames else float("nan")


def _f(hits: Counts, area: Counts, real: Counts) -> Floats:
    precision, recall = hits / np.maximum(area, 1), hits / np.maximum(real, 1)
    f: Floats = (1 + _BETA2) * precision * recall / np.where(hits == 0, 1, _BETA2 * precision + recall)
    return f
