"""J and F of several objects at once: with identities, or matched as the unsupervised DAVIS task does."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from alref_local.errors import ConfigError
from alref_local.metrics.bits import Bits, pack
from alref_local.metrics.davis import Contours, Floats, contours, jaccard

__all__ = ["VOID", "Frames", "Labels", "Match", "ObjectScores", "merge", "object_scores", "scored"]

Labels = NDArray[np.integer[Any]]
"""``(T, H, W)`` integers: 0 is background, every other number an object."""

Match = Literal["identity", "hungarian"]
"""Whether an object is looked for under its own number, or under whichever number serves it best."""

Frames = Literal["all", "no-first", "no-ends"]
"""Frames that count: all (unsupervised DAVIS, Ref-YouTube-VOS, MeViS), or not those given away (semi-supervised)."""

VOID = 255
"""The number that marks pixels of the truth which do not count."""

_NOTHING = -1  # the number of a prediction without pixels


class ObjectScores(NamedTuple):
    """``n`` true objects over the ``t`` frames that count.

    `objects` are their numbers, `found` those of the predictions that they were compared with (-1: nothing);
    `j` and `f` are ``(n, t)``. The benchmark's score is the mean over frames, then over the objects of all videos.
    """

    objects: tuple[int, ...]
    found: tuple[int, ...]
    j: Floats
    f: Floats


def scored(length: int, frames: Frames) -> slice:
    """Which of ``length`` frames count.

    Raises:
        ConfigError: none of them.
    """
    if frames not in get_args(Frames):
        raise ValueError(f"frames must be one of {get_args(Frames)}, not {frames!r}")
    span = slice(int(frames != "all"), length - (frames == "no-ends"))
    if span.start >= span.stop:
        raise ConfigError(
            f"Of {length} frame(s) none counts under the rule {frames!r}.", hint="Let all frames count."
        )
    return span


def object_scores(
    prediction: Labels, truth: Labels, *, match: Match = "identity", frames: Frames = "all"
) -> ObjectScores:
    """Score the label maps of one video.

    Matched (``hungarian``), true objects and predictions are paired so that the sum of J&F is the largest; with more
    objects than predictions, some are paired with nothing. Pixels that are `VOID` in the truth are background in both.

    Args:
        prediction: ``(T, H, W)``.
        truth: the same shape; its objects are the numbers that occur in it, in any frame.
        match: see `Match`.
        frames: see `Frames`.
    """
    if prediction.shape != truth.shape or truth.ndim != 3:
        raise ValueError(f"label maps of different shape: {prediction.shape} and {truth.shape}")
    span, objects = scored(len(truth), frames), _numbers(truth)
    pairs = prediction[span], truth[span]
    if match == "identity":
        return ObjectScores(objects, objects, *_compare(*pairs, objects, objects, every=False))
    from scipy.optimize import linear_sum_assignment  # half a second that nothing else needs

    numbers = _numbers(prediction)
    numbers += (_NOTHING,) * (len(objects) - len(numbers))
    j, f = _compare(*pairs, numbers, objects, every=True)
    owner, best = linear_sum_assignment(-(j.mean(axis=2) + f.mean(axis=2)).T)
    return ObjectScores(objects, tuple(numbers[i] for i in best), j[best, owner], f[best, owner])


def merge(logits: NDArray[np.floating[Any]], background: float = 0.0) -> NDArray[np.uint8]:
    """One label map of the masks of several objects: the DAVIS rule, an argmax over objects and background.

    Args:
        logits: ``(n, ..., H, W)``, at most 254 objects.
        background: the background's level. At 0 a lone object keeps its own mask; the released code of AL-Ref-SAM 2
            takes -1, which lets every object grow.

    Returns:
        ``(..., H, W)`` uint8, 0 for background, ``i + 1`` for object ``i``.
    """
    if not 0 < len(logits) < VOID:
        raise ValueError(f"{len(logits)} objects do not fit a label map")
    winner = logits.argmax(axis=0)
    strongest = np.take_along_axis(logits, winner[None], axis=0)[0]
    return np.where(strongest > background, winner + 1, 0).astype(np.uint8)


def _numbers(labels: Labels) -> tuple[int, ...]:
    return tuple(int(number) for number in np.unique(labels) if number not in (0, VOID))


def _compare(
    prediction: Labels, truth: Labels, numbers: tuple[int, ...], objects: tuple[int, ...], *, every: bool
) -> tuple[Floats, Floats]:
    """J and F of numbers with objects: one by one ``(n, t)``, or of ``every`` pair ``(numbers, objects, t)``."""
    size = (truth.shape[1], truth.shape[2])
    shape = (len(numbers), len(objects)) if every else (len(objects),)
    j, f = np.empty((*shape, len(truth))), np.empty((*shape, len(truth)))
    for t, (ours, theirs) in enumerate(zip(prediction, truth, strict=True)):
        one = _masks(np.where(theirs == VOID, 0, ours), numbers)
        other = _masks(theirs, objects)
        line, near = contours(one, size)
        if every:
            one, line, near = one[:, None], line[:, None], near[:, None]
        j[..., t] = jaccard(one, other)
        f[..., t] = Contours(line, near).match(contours(other, size))
    return j, f


def _masks(labels: Labels, numbers: tuple[int, ...]) -> Bits:
    """``(H, W)`` -> ``n`` packed masks."""
    masks = np.zeros((len(numbers), *labels.shape), np.bool_)
    for mask, number in zip(masks, numbers, strict=True):
        np.equal(labels, number, out=mask)
    return pack(masks)
