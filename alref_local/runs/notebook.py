"""Results as the objects that notebooks pass around; the packages behind them are imported when they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from alref_local.types import TargetResult

if TYPE_CHECKING:
    import fiftyone
    import supervision
    from pandas import DataFrame
    from pycocotools.coco import COCO

__all__ = ["About", "ForNotebooks"]


class About(NamedTuple):
    """What the results are of: a video's name, ``(height, width)``, the frames' names, and the run folder."""

    name: str
    size: tuple[int, int]
    frames: Sequence[str]
    folder: Path | None


class ForNotebooks(ABC):
    """What has ``results`` of a video, and says which video."""

    __slots__ = ()

    results: tuple[TargetResult, ...]

    @abstractmethod
    def _about(self) -> About:
        """Which video."""

    def to_pandas(self, rows: Literal["frames", "clips"] = "frames") -> DataFrame:
        """A row for every mask, or for every clip (see ``runs.tables``)."""
        from alref_local.runs import tables

        return (tables.clips_table if rows == "clips" else tables.frames_table)(self.results)

    def to_coco(self) -> COCO:
        """The masks as an object of pycocotools (see ``runs.tables``)."""
        from alref_local.runs.tables import coco_annotations

        _, size, frames, _ = self._about()
        return coco_annotations(self.results, size, frames)

    def to_supervision(self, frame: int) -> supervision.Detections:
        """All objects on a frame, with masks, scores, sentences and track ids (see ``runs.objects``)."""
        from alref_local.runs.objects import to_supervision

        return to_supervision(self.results, frame)

    def to_fiftyone(self, frame: int) -> fiftyone.Detections:
        """All objects on a frame as FiftyOne's labels (see ``runs.objects``)."""
        from alref_local.runs.objects import to_fiftyone

        return to_fiftyone(self.results, frame)

    def _repr_html_(self) -> str:
        from alref_local.runs.display import results_html

        name, size, _, folder = self._about()
        return results_html(name, size, self.results, folder)
