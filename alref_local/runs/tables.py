"""Results as objects of other libraries: tables of pandas, and an annotation object of pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from alref_local import masks
from alref_local.errors import PrerequisiteError
from alref_local.types import TargetResult

if TYPE_CHECKING:
    from pandas import DataFrame
    from pycocotools.coco import COCO

__all__ = ["clips_table", "coco_annotations", "data_frame", "frames_table"]


def data_frame(rows: Sequence[dict[str, Any]]) -> DataFrame:
    """A table of ``rows``.

    Raises:
        PrerequisiteError: pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise PrerequisiteError(
            "pandas is not installed.", hint='pip install "alref-local[notebook]"'
        ) from error
    return DataFrame(rows)


def frames_table(results: Sequence[TargetResult]) -> DataFrame:
    """A row for every mask: ``reference, sentence, track, frame, area, x0, y0, x1, y1, score``.

    Boxes are tight around the mask, in pixels, right and bottom edge exclusive; ``score`` is the object score.
    """
    return data_frame(list(_frames(results)))


def _frames(results: Sequence[TargetResult]) -> Iterator[dict[str, Any]]:
    for result in results:
        for track in result.tracks:
            for frame, rle in enumerate(track.masks):
                if (box := masks.box(rle)) is not None:
                    yield {
                        "reference": result.query.id,
                        "sentence": result.query.text,
                        "track": track.track_id,
                        "frame": frame,
                        "area": masks.area(rle),
                        **box._asdict(),
                        "score": track.scores[frame],
                    }


def clips_table(results: Sequence[TargetResult]) -> DataFrame:
    """A row for every clip: ``reference, sentence, clip, start, stop, pivot_frame, candidates, boxes, note``.

    ``candidates`` counts the boxes to choose from, ``boxes`` are those that were chosen; ``confidence_STEP`` and
    ``agreement_STEP`` stand where they are known.
    """
    return data_frame(
        [
            {
                "reference": result.query.id,
                "sentence": result.query.text,
                "clip": one.clip.index,
                "start": one.clip.start,
                "stop": one.clip.stop,
                "pivot_frame": one.frame,
                "candidates": len(one.candidates),
                "boxes": [tuple(pivot.box) for pivot in one.pivots],
                **{f"confidence_{step}": value for step, value in one.confidence.items()},
                **{f"agreement_{step}": value for step, value in one.agreement.items()},
                "note": one.note,
            }
            for result in results
            for one in result.clips
        ]
    )


def coco_annotations(
    results: Sequence[TargetResult], size: tuple[int, int], frame_names: Sequence[str]
) -> COCO:
    """The masks as pycocotools knows them: a frame is an image, a reference a category, a mask an annotation.

    Args:
        results: with their tracks.
        size: ``(height, width)``.
        frame_names: of all frames.

    Returns:
        Its ids count from 1; an annotation also has ``track_id`` and ``score``.
    """
    from pycocotools.coco import COCO

    height, width = size
    found = COCO()
    found.dataset = {
        "images": [
            {"id": number, "file_name": f"{name}.png", "height": height, "width": width}
            for number, name in enumerate(frame_names, 1)
        ],
        "categories": [
            {"id": number, "name": result.query.category or result.query.text or result.query.id}
            for number, result in enumerate(results, 1)
        ],
        "annotations": list(_annotations(results)),
    }
    with contextlib.redirect_stdout(io.StringIO()):  # it tells of its index
        found.createIndex()
    return found


def _annotations(results: Sequence[TargetResult]) -> Iterator[dict[str, Any]]:
    number = 0
    for category, result in enumerate(results, 1):
        for track in result.tracks:
            for frame, rle in enumerate(track.masks, 1):
                if (box := masks.box(rle)) is not None:
                    number += 1
                    yield {
                        "id": number,
                        "image_id": frame,
                        "category_id": category,
                        "segmentation": {"size": list(rle.size), "counts": rle.counts},
                        "area": masks.area(rle),
                        "bbox": [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0],
                        "iscrowd": 0,
                        "track_id": track.track_id,
                        "score": track.scores[frame - 1],
                    }
