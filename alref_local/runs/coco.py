"""``masks.json``: COCO RLE per track in the layout of YouTube-VIS, readable by its tools.

A category is a reference, an annotation one track of it. ``segmentations``, ``bboxes`` (x, y, width, height)
and ``areas`` have an entry per frame, ``null`` where the object is absent. ``reference``, ``track_id`` and
``scores`` are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from alref_local import masks
from alref_local.runs.result import VideoInfo
from alref_local.types import MaskTrack, Rle, TargetResult

__all__ = ["MasksFile"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Segmentation(_Part):
    """One mask: ``size`` is (height, width), ``counts`` the compressed runs."""

    size: tuple[int, int]
    counts: str


class Video(_Part):
    """The one video."""

    id: int = 1
    name: str
    width: int
    height: int
    length: int
    file_names: tuple[str, ...]


class Category(_Part):
    """One reference: its sentence and its id."""

    id: int
    name: str
    reference: str


class Annotation(_Part):
    """One track of one reference."""

    id: int
    video_id: int = 1
    category_id: int
    track_id: int
    iscrowd: int = 0
    width: int
    height: int
    segmentations: tuple[Segmentation | None, ...]
    bboxes: tuple[tuple[float, float, float, float] | None, ...]
    areas: tuple[int | None, ...]
    scores: tuple[float, ...]

    def track(self) -> MaskTrack:
        """The track as it was before it was written.

        Raises:
            ValueError: a mask of another size than the video, or not one score per mask.
        """
        size = (self.height, self.width)
        if any(one is not None and one.size != size for one in self.segmentations):
            raise ValueError(f"annotation {self.id} has a mask of another size than the video")
        if len(self.scores) != len(self.segmentations):
            raise ValueError(f"annotation {self.id} has not one score per mask")
        rles = tuple(
            masks.empty(size) if one is None else Rle(one.size, one.counts.encode("ascii"))
            for one in self.segmentations
        )
        return MaskTrack(self.track_id, size, rles, self.scores)


class MasksFile(_Part):
    """The whole file."""

    videos: tuple[Video, ...]
    categories: tuple[Category, ...]
    annotations: tuple[Annotation, ...]

    @classmethod
    def of(cls, video: VideoInfo, results: Sequence[TargetResult]) -> MasksFile:
        """What the file says about ``results``."""
        files = tuple(f"{name}.png" for name in video.frame_names)
        owned = [(category, track) for category, result in enumerate(results, 1) for track in result.tracks]
        return cls(
            videos=(
                Video(
                    name=video.name,
                    width=video.width,
                    height=video.height,
                    length=len(files),
                    file_names=files,
                ),
            ),
            categories=tuple(
                Category(id=index, name=result.query.text, reference=result.query.id)
                for index, result in enumerate(results, 1)
            ),
            annotations=tuple(_annotation(index, *owner) for index, owner in enumerate(owned, 1)),
        )

    def tracks(self, reference: str) -> tuple[MaskTrack, ...]:
        """All tracks of one reference."""
        ids = {category.id for category in self.categories if category.reference == reference}
        return tuple(one.track() for one in self.annotations if one.category_id in ids)


def _annotation(index: int, category: int, track: MaskTrack) -> Annotation:
    boxes = [masks.box(rle) for rle in track.masks]
    seen = list(zip(track.masks, boxes, strict=True))
    height, width = track.size
    return Annotation(
        id=index,
        category_id=category,
        track_id=track.track_id,
        width=width,
        height=height,
        segmentations=tuple(
            None if box is None else Segmentation(size=rle.size, counts=rle.counts.decode("ascii"))
            for rle, box in seen
        ),
        bboxes=tuple(
            None if box is None else (box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0) for box in boxes
        ),
        areas=tuple(None if box is None else masks.area(rle) for rle, box in seen),
        scores=tuple(track.scores),
    )
