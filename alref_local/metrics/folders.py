"""J, F and J&F of a folder of predicted masks against a folder of true ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from alref_local.errors import ConfigError, MediaError
from alref_local.metrics.davis import Floats, contour_accuracy, region_similarity
from alref_local.metrics.objects import VOID, Frames, Match, object_scores, scored
from alref_local.metrics.parallel import each
from alref_local.metrics.pngs import read_labels, read_mask

__all__ = ["Objects", "score_folders", "unscored"]

Scores = dict[str, float]
_T = TypeVar("_T", bound=np.generic)

Objects = Literal["union"] | Match
"""Everything that is not background as one object, or object by object (see `Match`)."""

_CHUNK = 8  # frames in memory: a long sequence needs no more than a short one


class _Sequence(NamedTuple):
    name: str
    pred: Mapping[str, Path]
    truth: Mapping[str, Path]


def score_folders(
    pred: Path, truth: Path, *, objects: Objects = "union", frames: Frames = "all", workers: int = 1
) -> dict[str, Any]:
    """Score the sequences that two folders have in common, on the frames of the truth.

    Both folders hold ``SEQ/*.png``, or both hold the PNG files of one sequence. As ``union``, every non-zero value or
    palette index is foreground and a sequence has one score; otherwise each true object has one, called ``SEQ/NUMBER``.
    A score is the mean over frames, the mean is over scores.

    Args:
        pred: predicted masks; frames beyond those of the truth are ignored.
        truth: true masks.
        objects: what is compared; ``hungarian`` with all frames is the unsupervised DAVIS task, ``identity`` with
            ``no-ends`` the semi-supervised one.
        frames: which frames of the truth count.
        workers: processes; sequences are divided among them.

    Returns:
        ``{"sequences": {NAME: {"J", "F", "J&F"}}, "mean": {"J", "F", "J&F"}}``, values in ``[0, 1]``.

    Raises:
        ConfigError: a folder is missing or empty, the folders have nothing in common, or frames are missing.
        MediaError: a PNG cannot be read, or two masks differ in size.
    """
    predicted, true = _sequences(pred), _sequences(truth)
    if set(predicted) == {""} and set(true) == {""}:
        pairs = {truth.resolve().name: (predicted[""], true[""])}
    else:
        pairs = {name: (predicted[name], true[name]) for name in sorted(predicted.keys() & true.keys())}
    if not pairs:
        raise ConfigError(
            f"{pred} and {truth} have no sequence in common.",
            hint="Both must hold SEQ/*.png with equal folder names, or both the PNG files of one sequence.",
        )
    work = partial(_score, objects=objects, frames=frames)
    rows = each(work, [_Sequence(name, *pair) for name, pair in pairs.items()], workers)
    sequences = {name: scores for row in rows for name, scores in row.items()}
    if not sequences:
        raise ConfigError(
            f"{truth} holds no object.",
            hint=f"Its masks hold no number but 0 and {VOID}: name the folder of the truth, or score their union.",
        )
    return {"sequences": sequences, "mean": _mean(sequences.values())}


def unscored(pred: Path, truth: Path) -> list[str]:
    """Sequences of the truth that the prediction lacks, and that `score_folders` therefore leaves out."""
    return sorted(_sequences(truth).keys() - _sequences(pred).keys() - {""})


def _sequences(folder: Path) -> dict[str, dict[str, Path]]:
    """PNG files by name, by sequence; a folder that holds PNG files itself is one sequence named ''."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder.", hint="Name a folder of masks: SEQ/*.png.")
    files = _pngs(folder)
    found = {"": files} if files else {sub.name: _pngs(sub) for sub in folder.iterdir() if sub.is_dir()}
    found = {name: files for name, files in found.items() if files}
    if not found:
        raise ConfigError(f"{folder} holds no PNG masks.", hint="Name a folder of masks: SEQ/*.png.")
    return found


def _pngs(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.glob("*.png"))}


def _score(sequence: _Sequence, *, objects: Objects, frames: Frames) -> dict[str, Scores]:
    """The scores of a sequence: one, or one per true object."""
    name, pred, truth = sequence
    missing = [frame for frame in truth if frame not in pred]
    if missing:
        raise ConfigError(
            f"The prediction of {name} lacks {len(missing)} of {len(truth)} frames, first {missing[0]}.",
            hint="Every frame of the truth needs a mask of that name, black where the target is absent.",
        )
    span = scored(len(truth), frames)
    if objects != "union":
        stacks = _stacks(sequence, list(truth), read_labels)
        if set(np.unique(stacks[0])) - {0} == {VOID}:  # binary masks would score 0 without a word
            raise ConfigError(
                f"The prediction of {name} holds no object, only {VOID}, which stands for void.",
                hint="Number its objects from 1, or score masks of one object with --objects union.",
            )
        table = object_scores(*stacks, match=objects, frames=frames)
        return {f"{name}/{i}": _row(j, f) for i, j, f in zip(table.objects, table.j, table.f, strict=True)}
    counted, region, contour = list(truth)[span], [], []
    for at in range(0, len(counted), _CHUNK):
        pair = _stacks(sequence, counted[at : at + _CHUNK], read_mask)
        region.append(region_similarity(*pair))
        contour.append(contour_accuracy(*pair))
    return {name: _row(np.concatenate(region), np.concatenate(contour))}


def _stacks(
    sequence: _Sequence, frames: Sequence[str], read: Callable[[Path], NDArray[_T]]
) -> tuple[NDArray[_T], NDArray[_T]]:
    """``(n, H, W)`` of the prediction and of the truth."""
    truth = [read(sequence.truth[frame]) for frame in frames]
    pred = [read(sequence.pred[frame]) for frame in frames]
    size = truth[0].shape
    for folder, masks in ((sequence.truth, truth), (sequence.pred, pred)):
        for frame, mask in zip(frames, masks, strict=True):
            if mask.shape != size:
                raise MediaError(
                    f"{folder[frame]} is {mask.shape[1]}x{mask.shape[0]}, but the truth is {size[1]}x{size[0]}."
                )
    return np.stack(pred), np.stack(truth)


def _row(j: Floats, f: Floats) -> Scores:
    region, contour = float(j.mean()), float(f.mean())
    return {"J": region, "F": contour, "J&F": (region + contour) / 2}


def _mean(scores: Iterable[Scores]) -> Scores:
    table = list(scores)
    return {key: float(np.mean([row[key] for row in table])) for key in ("J", "F", "J&F")}
