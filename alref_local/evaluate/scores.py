"""One finished item against its truth, by the rule of its data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alref_local.datasets import Item, Reference, Truth
from alref_local.datasets.item import Metric
from alref_local.errors import AlrefError, MediaError
from alref_local.evaluate.merging import label_map_path
from alref_local.evaluate.tasks import query_ids
from alref_local.masks import area, decode, union
from alref_local.metrics import (
    FrameScores,
    class_sums,
    contour_accuracy,
    frame_scores,
    null_s,
    object_scores,
    region_similarity,
)
from alref_local.metrics.avs import avsbench_f
from alref_local.metrics.avss import ClassSums
from alref_local.metrics.pngs import read_labels
from alref_local.runs import open_run
from alref_local.runs.reader import Run
from alref_local.select.synonyms import merged
from alref_local.types import TargetResult

__all__ = ["ItemScores", "Unscored", "score_item", "try_item"]

_CHUNK = 8  # frames in memory

Row = dict[str, float]


@dataclass(frozen=True, slots=True)
class ItemScores:
    """What the scores of a data set are made of, for one item.

    Attributes:
        id: of the item.
        part: the part of the data set that it is reported under.
        rows: scores by reference, or by annotator and object.
        targets: by reference, whether it has a target and whether anything was masked.
        frames: of audio-visual data sets.
        classes: of AVSS.
    """

    id: str
    part: str
    rows: dict[str, Row] = field(default_factory=dict)
    targets: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    frames: FrameScores | None = None
    classes: ClassSums | None = None


@dataclass(frozen=True, slots=True)
class Unscored:
    """An item that cannot be scored, and why, in sentences."""

    id: str
    reason: str


def try_item(pair: tuple[Item, Path], metric: Metric, categories: Mapping[str, int]) -> ItemScores | Unscored:
    """As `score_item`; what is damaged costs its own item, not the figures of all others."""
    try:
        return score_item(pair, metric, categories)
    except AlrefError as error:
        return Unscored(pair[0].id, f"{error} {error.hint}".rstrip())


def score_item(pair: tuple[Item, Path], metric: Metric, categories: Mapping[str, int]) -> ItemScores:
    """Score one item.

    Args:
        pair: the item, and its finished run folder.
        metric: of the data set.
        categories: numbers of the categories (AVSS).

    Raises:
        MediaError: a true mask is missing, damaged or of another size, or a frame of it is not in the run.
        ConfigError: the run folder is damaged.
    """
    item, folder = pair
    return _RULES[metric](item, open_run(folder), categories)


def _by_sentence(
    item: Item, run: Run, _: Mapping[str, int], *, row: Callable[[Reference, TargetResult, Run], Row]
) -> ItemScores:
    """A row for every sentence that can be scored, by a rule for one of them."""
    found = _results(item, run)
    rows = {one.id: row(one, found[one.id], run) for one in item.references}
    return ItemScores(
        item.id, item.part, {id: scored for id, scored in rows.items() if scored}, _targets(item, found)
    )


def _davis(one: Reference, result: TargetResult, run: Run) -> Row:
    """J and F of the DAVIS benchmark."""
    return {} if one.truth is None else _row(*_j_and_f(result, one.truth, run))


def _ref_avs(one: Reference, result: TargetResult, run: Run) -> Row:
    """J and F as AVSBench has them, a sentence at a time; S of a sentence without target."""
    if one.target is False:
        return {"S": null_s(_predicted(result, list(range(len(run.video.frame_names))), run))}
    if one.truth is None:
        return {}
    frames = _frames(one.truth, result, run)
    return _row(frames.iou, avsbench_f([frames]))


def _by_object(item: Item, run: Run, _: Mapping[str, int]) -> ItemScores:
    """Ref-DAVIS17: the label map of every annotator, matched as unsupervised DAVIS does, and by number."""
    truth = item.truth
    if truth is None:
        return ItemScores(item.id, item.part)
    true = _labels(truth, run)
    rows: dict[str, Row] = {}
    for group in dict.fromkeys(one.group for one in item.references):
        files = [label_map_path(run.path, group, frame) for frame in truth.frames]
        tracked = any(result.tracks for result in run.results)
        ours = np.stack([read_labels(file) for file in files]) if tracked else np.zeros_like(true)
        matched = object_scores(ours, true, match="hungarian")
        by_number = object_scores(ours, true)
        for object, j, f, *pair in zip(
            matched.objects, matched.j, matched.f, by_number.j, by_number.f, strict=True
        ):
            own = _row(*pair)
            rows[f"{group}/{object}"] = _row(j, f) | {"J&F by number": own["J&F"]}
    return ItemScores(item.id, item.part, rows)


def _by_sound(item: Item, run: Run, _: Mapping[str, int]) -> ItemScores:
    """AVSBench: everything that sounds against its masks."""
    (one,) = item.references
    if one.truth is None:
        return ItemScores(item.id, item.part)
    frames = _frames(one.truth, _results(item, run)[one.id], run)
    row = {"M_J": float(frames.iou.mean()), "M_F": float(frames.contour.mean())}
    return ItemScores(item.id, item.part, {one.id: row}, frames=frames)


def _by_category(item: Item, run: Run, categories: Mapping[str, int]) -> ItemScores:
    """AVSS: the label map of what sounds; a later thing covers an earlier one, as in the released code."""
    if item.truth is None:
        return ItemScores(item.id, item.part)
    true = _labels(item.truth, run)
    ours = np.zeros_like(true)
    numbers = _category_of(run, categories)
    at = [_place(frame, run) for frame in item.truth.frames]
    for result in run.results:
        if number := numbers.get(result.query.id):
            ours[_predicted(result, at, run)] = number
    return ItemScores(item.id, item.part, classes=class_sums(ours, true))


_RULES: Final[Mapping[Metric, Callable[[Item, Run, Mapping[str, int]], ItemScores]]] = {
    "J&F": partial(_by_sentence, row=_davis),
    "J&F by object": _by_object,
    "M_J, M_F": _by_sound,
    "mIoU": _by_category,
    "J, F, S": partial(_by_sentence, row=_ref_avs),
}


def _category_of(run: Run, categories: Mapping[str, int]) -> dict[str, int]:
    """The number of each thing that was heard, by query id; a name that is no category has none."""
    named = {one.query.id: one.listed or one.query.category for one in run.results}
    same = merged([*categories, *named.values()])
    numbers = {same[name]: number for name, number in categories.items()}
    return {id: numbers[same[name]] for id, name in named.items() if name and same[name] in numbers}


def _results(item: Item, run: Run) -> dict[str, TargetResult]:
    """By published id."""
    by_query = {result.query.id: result for result in run.results}
    return {id: by_query[query] for id, query in query_ids(item).items()}


def _targets(item: Item, found: Mapping[str, TargetResult]) -> dict[str, tuple[bool, bool]]:
    return {
        one.id: (one.target, _answered(found[one.id])) for one in item.references if one.target is not None
    }


def _answered(result: TargetResult) -> bool:
    return any(area(mask) for track in result.tracks for mask in track.masks)


def _j_and_f(result: TargetResult, truth: Truth, run: Run) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    region, contour = [], []
    for start in range(0, len(truth.frames), _CHUNK):
        true, at = _true(truth, truth.frames[start : start + _CHUNK], run)
        ours = _predicted(result, at, run)
        region.append(region_similarity(ours, true))
        contour.append(contour_accuracy(ours, true))
    return np.concatenate(region), np.concatenate(contour)


def _frames(truth: Truth, result: TargetResult, run: Run) -> FrameScores:
    """What AVSBench and Ref-AVS score by; they have ten frames a video at most."""
    true, at = _true(truth, truth.frames, run)
    return frame_scores(_predicted(result, at, run), true)


def _true(truth: Truth, frames: tuple[str, ...], run: Run) -> tuple[NDArray[np.bool_], list[int]]:
    """``(n, H, W)`` true masks, and the places of their frames in the run."""
    size = (run.video.height, run.video.width)
    masks = [truth.read(frame, size).astype(np.bool_) for frame in frames]
    return np.stack(masks), [_place(frame, run) for frame in frames]


def _labels(truth: Truth, run: Run) -> NDArray[np.uint8]:
    """``(T, H, W)`` true label maps."""
    size = (run.video.height, run.video.width)
    return np.stack([truth.read(frame, size).astype(np.uint8) for frame in truth.frames])


def _place(frame: str, run: Run) -> int:
    try:
        return run.video.frame_names.index(frame)
    except ValueError:
        raise MediaError(
            f"The truth of {run.video.name} has a frame {frame}, which its video has not.",
            hint="Masks are named as the frames are; `alref-local datasets check` looks for more of this.",
        ) from None


def _predicted(result: TargetResult, frames: list[int], run: Run) -> NDArray[np.bool_]:
    """``(n, H, W)``: everything that a reference means, frame by frame."""
    masks = np.zeros((len(frames), run.video.height, run.video.width), np.bool_)
    if result.tracks:
        for mask, frame in zip(masks, frames, strict=True):
            mask[:] = decode(union([track.masks[frame] for track in result.tracks]))
    return masks


def _row(j: NDArray[np.float64] | float, f: NDArray[np.float64] | float) -> Row:
    """Figures of frames, or of all of them."""
    region, contour = float(np.mean(j)), float(np.mean(f))
    return {"J": region, "F": contour, "J&F": (region + contour) / 2}
