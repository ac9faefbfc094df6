"""Masks as the objects that notebooks pass around: `supervision.Detections` and `fiftyone.Detections`.

Neither package is needed for anything else; each is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alref_local import masks
from alref_local.errors import PrerequisiteError
from alref_local.types import Box, Rle, TargetResult

if TYPE_CHECKING:
    import fiftyone
    import supervision

__all__ = ["to_fiftyone", "to_supervision"]


class _Seen(NamedTuple):
    """An object on a frame; ``reference`` and ``track`` count from 0 over all results."""

    reference: int
    track: int
    result: TargetResult
    rle: Rle
    box: Box
    score: float


def to_supervision(results: Sequence[TargetResult], frame: int) -> supervision.Detections:
    """All objects on a frame.

    ``xyxy`` ``(n, 4)`` float32 pixels, ``mask`` ``(n, H, W)`` bool, ``confidence`` ``(n,)`` object scores,
    ``class_id`` ``(n,)`` the reference's place, ``tracker_id`` ``(n,)`` the same on every frame, and in ``data`` the
    sentence as ``class_name`` and the reference's id as ``reference``.

    Raises:
        PrerequisiteError: supervision is not installed.
    """
    sv: Any = _package("supervision")
    seen = list(_seen(results, frame))
    if not seen:
        return sv.Detections.empty()
    return sv.Detections(
        xyxy=np.array([one.box for one in seen], np.float32),
        mask=np.stack([masks.decode(one.rle) for one in seen]),
        confidence=np.array([one.score for one in seen], np.float32),
        class_id=np.array([one.reference for one in seen]),
        tracker_id=np.array([one.track for one in seen]),
        data={
            "class_name": np.array([_name(one.result) for one in seen]),
            "reference": np.array([one.result.query.id for one in seen]),
        },
    )


def to_fiftyone(results: Sequence[TargetResult], frame: int) -> fiftyone.Detections:
    """All objects on a frame: boxes as shares of the picture, masks inside them, tracks as ``index``.

    Raises:
        PrerequisiteError: fiftyone is not installed.
    """
    fo: Any = _package("fiftyone")
    found = []
    for one in _seen(results, frame):
        height, width = one.rle.size
        x0, y0, x1, y1 = map(int, one.box)
        found.append(
            fo.Detection(
                label=_name(one.result),
                bounding_box=[x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height],
                mask=masks.decode(one.rle)[y0:y1, x0:x1],
                confidence=one.score,
                index=one.track,
                reference=one.result.query.id,
            )
        )
    return fo.Detections(detections=found)


def _seen(results: Sequence[TargetResult], frame: int) -> Iterator[_Seen]:
    owned = [(number, result, track) for number, result in enumerate(results) for track in result.tracks]
    for place, (number, result, track) in enumerate(owned):
        if (box := masks.box(track.masks[frame])) is not None:
            yield _Seen(number, place, result, track.masks[frame], box, track.scores[frame])


def _name(result: TargetResult) -> str:
    """The sentence; the id where sound alone is meant."""
    return result.query.text or result.query.id


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise PrerequisiteError(f"{name} is not installed.", hint=f"pip install {name}") from None
