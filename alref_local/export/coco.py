"""COCO instances (an image per frame) and YouTube-VIS (a video per run): categories are sentences.

Both hold masks as COCO's compressed run lengths. ``reference``, ``track_id`` and ``score`` are ours; readers of either
form leave them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from alref_local import masks
from alref_local.export.footage import Footage
from alref_local.types import Rle

__all__ = ["coco", "youtube_vis"]


def coco(videos: Iterable[Footage], prefix: str) -> dict[str, Any]:
    """The file that `pycocotools.coco.COCO` reads.

    Args:
        videos: what to write.
        prefix: what stands before every file name.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    tracks = 0
    for video in videos:
        height, width = video.size
        first = len(images) + 1
        for id, (number, file) in enumerate(zip(video.numbers, video.files, strict=True), start=first):
            seen = {"file_name": f"{prefix}{video.name}/{file}", "width": width, "height": height}
            images.append({"id": id} | seen | {"video": video.name, "frame": number})
        for owned in video.tracks:
            tracks += 1
            category = categories.setdefault(owned.label, len(categories) + 1)
            shared = {"category_id": category, "track_id": tracks, "reference": owned.reference, "iscrowd": 0}
            for image, (rle, score) in enumerate(
                zip(owned.track.masks, owned.track.scores, strict=True), start=first
            ):
                if mask := _mask(rle):
                    ids = {"id": len(annotations) + 1, "image_id": image}
                    annotations.append(ids | shared | mask | {"score": round(score, 6)})
    return _file(categories, annotations, images=images)


def youtube_vis(videos: Iterable[Footage], prefix: str) -> dict[str, Any]:
    """The annotation file of the YouTube-VIS challenge; arguments as those of `coco`."""
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    for video in videos:
        height, width = video.size
        sized = {"width": width, "height": height, "length": len(video.files)}
        names = [f"{prefix}{video.name}/{file}" for file in video.files]
        listed.append({"id": len(listed) + 1, "file_names": names} | sized)
        for owned in video.tracks:
            found = [_mask(rle) or {} for rle in owned.track.masks]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "video_id": len(listed),
                    "category_id": categories.setdefault(owned.label, len(categories) + 1),
                    "segmentations": [one.get("segmentation") for one in found],
                    "bboxes": [one.get("bbox") for one in found],
                    "areas": [one.get("area") for one in found],
                    "iscrowd": 0,
                    "reference": owned.reference,
                    "scores": [round(score, 6) for score in owned.track.scores],
                }
                | sized
            )
    return _file(categories, annotations, videos=listed)


def _mask(rle: Rle) -> dict[str, Any] | None:
    """One mask; ``None`` if it is empty."""
    box = masks.box(rle)
    if box is None:
        return None
    return {
        "segmentation": {"size": list(rle.size), "counts": rle.counts.decode("ascii")},
        "bbox": [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0],
        "area": masks.area(rle),
    }


def _file(categories: Mapping[str, int], annotations: list[dict[str, Any]], **shown: Any) -> dict[str, Any]:
    return {
        "info": {"description": f"Masks of alref-local {version('alref-local')}"},
        "licenses": [],
        **shown,
        "annotations": annotations,
        "categories": [{"id": id, "name": name, "supercategory": ""} for name, id in categories.items()],
    }
