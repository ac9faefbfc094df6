"""J, F and J&F of a folder of predicted masks against a folder of true ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.errors import ConfigError, MediaError
from alref_local.metrics.davis import contour_accuracy, region_similarity

__all__ = ["read_mask", "score_folders", "unscored"]

Scores = dict[str, float]


def score_folders(pred: Path, truth: Path) -> dict[str, Any]:
    """Score the sequences that two folders have in common, on every frame of the truth.

    Both folders hold ``SEQ/*.png``, or both hold the PNG files of one sequence. Every non-zero value or
    palette index is foreground. A sequence's score is the mean over its frames, the mean is over sequences.

    Args:
        pred: predicted masks; frames beyond those of the truth are ignored.
        truth: true masks.

    Returns:
        ``{"sequences": {SEQ: {"J", "F", "J&F"}}, "mean": {"J", "F", "J&F"}}``, values in ``[0, 1]``.

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
    sequences = {name: _score(name, *pair) for name, pair in pairs.items()}
    return {"sequences": sequences, "mean": _mean(sequences.values())}


def unscored(pred: Path, truth: Path) -> list[str]:
    """Sequences of the truth that the prediction lacks, and that `score_folders` therefore leaves out."""
    return sorted(_sequences(truth).keys() - _sequences(pred).keys() - {""})


def read_mask(path: Path) -> NDArray[np.bool_]:
    """``(H, W)`` bool: where the PNG's value, palette index or any colour channel is not zero."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB") if image.mode in ("RGBA", "LA") else image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError(f"{path} cannot be read as an image.") from error
    foreground = pixels.astype(np.bool_)
    return np.any(foreground, axis=2) if foreground.ndim == 3 else foreground


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


def _score(name: str, pred: Mapping[str, Path], truth: Mapping[str, Path]) -> Scores:
    missing = [frame for frame in truth if frame not in pred]
    if missing:
        raise ConfigError(
            f"The prediction of {name} lacks {len(missing)} of {len(truth)} frames, first {missing[0]}.",
            hint="Every frame of the truth needs a mask of that name, black where the target is absent.",
        )
    region, contour = [], []
    for frame, path in truth.items():  # frame by frame: a long sequence needs no more memory than a short one
        ours, theirs = read_mask(pred[frame]), read_mask(path)
        if ours.shape != theirs.shape:
            raise MediaError(
                f"{pred[frame]} is {ours.shape[1]}x{ours.shape[0]}, but the truth is "
                f"{theirs.shape[1]}x{theirs.shape[0]}."
            )
        region.append(float(region_similarity(ours, theirs)))
        contour.append(float(contour_accuracy(ours, theirs)))
    j, f = float(np.mean(region)), float(np.mean(contour))
    return {"J": j, "F": f, "J&F": (j + f) / 2}


def _mean(scores: Iterable[Scores]) -> Scores:
    table = list(scores)
    return {key: float(np.mean([row[key] for row in table])) for key in ("J", "F", "J&F")}
