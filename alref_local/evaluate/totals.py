"""From the scores of the items to the figures of a data set, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from alref_local.evaluate.scores import ItemScores
from alref_local.metrics import M_F, bootstrap, m_j, semantic, target_accuracy

__all__ = ["figures", "intervals"]

_MEANS = ("J&F", "J", "F", "J&F by number", "S")


def figures(items: Sequence[ItemScores]) -> dict[str, float]:
    """Every score that the items allow, by name; a mean is over sentences (objects, frames), not over videos."""
    found = {name: float(np.mean(values)) for name, values, _ in _sentences(items)}
    if frames := [item.frames for item in items if item.frames is not None]:
        found["M_J"] = m_j(frames)
        found |= {f"M_F {form}": rule(frames) for form, rule in M_F.items()}
    if classes := [item.classes for item in items if item.classes is not None]:
        scores = semantic(classes)
        found |= {"mIoU": scores.miou, "F": scores.f}
        found |= {"mIoU without background": scores.miou_no_background}
        found |= {"F without background": scores.f_no_background}
    targets = [pair for item in items for pair in item.targets.values()]
    if not all(real for real, _ in targets):
        accuracy = target_accuracy([said for _, said in targets], [real for real, _ in targets])
        found |= {"N-acc": accuracy.n_acc, "T-acc": accuracy.t_acc}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def intervals(items: Sequence[ItemScores]) -> dict[str, list[float]]:
    """95 % intervals of the scores that are plain means: bootstrap, a video at a time; none of a single video."""
    samples = [*_sentences(items), *_frames(items)]
    return {
        name: [*bootstrap(values, videos)[1:]] for name, values, videos in samples if len(set(videos)) > 1
    }


_Sample = tuple[str, list[float], list[str]]
"""Name of a score, its values, and the video of each."""


def _sentences(items: Sequence[ItemScores]) -> Iterator[_Sample]:
    for name in _MEANS:
        found = [(row[name], item.id) for item in items for row in item.rows.values() if name in row]
        if found:
            yield name, [value for value, _ in found], [id for _, id in found]


def _frames(items: Sequence[ItemScores]) -> Iterator[_Sample]:
    scored = [(item.frames, item.id) for item in items if item.frames is not None]
    for name, field in (("M_J", "iou"), ("M_F paper", "contour")):
        found = [(float(value), id) for frames, id in scored for value in getattr(frames, field)]
        if found:
            yield name, [value for value, _ in found], [id for _, id in found]
