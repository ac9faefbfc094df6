"""``result.json``: what became of every reference. The masks themselves are in ``masks.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from alref_local import masks
from alref_local.seams import VideoReader
from alref_local.types import (
    ClipReasoned,
    Heard,
    Look,
    MaskTrack,
    Pivot,
    Query,
    Spans,
    Status,
    TargetResult,
    Totals,
)

__all__ = ["Reference", "ResultFile", "VideoInfo", "describe"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VideoInfo(_Part):
    """The video; ``frame_names`` are the file names of its masks without ``.png``."""

    name: str
    width: int
    height: int
    fps: float
    frame_names: tuple[str, ...]


class TrackInfo(_Part):
    """One object: on how many frames it is visible, and the first and last of them."""

    track_id: int
    visible: int
    first: int | None
    last: int | None


class Reference(_Part):
    """One query, its outcome, its pivots (``given``: by a person), what was settled on each clip, second looks.

    ``sound`` says that it goes by what was ``heard``; of sound alone, ``text`` is empty. ``sounding`` are the seconds
    in which it sounds (``null``: not known), ``category`` a thing's name and ``listed`` AVSBench's nearest to it.
    """

    id: str
    text: str
    status: Status
    tracks: tuple[TrackInfo, ...]
    pivots: tuple[Pivot, ...]
    given: tuple[Pivot, ...]
    clips: tuple[ClipReasoned, ...]
    looks: tuple[Look, ...] = ()
    sound: bool = False
    heard: tuple[Heard, ...] = ()
    sounding: Spans | None = None
    category: str = ""
    listed: str = ""

    def with_tracks(self, tracks: Sequence[MaskTrack]) -> TargetResult:
        """The result as it was before it was written."""
        query = Query(self.id, self.text, self.given, self.sound, category=self.category)
        found = (self.pivots, self.clips, self.looks, self.heard, self.sounding, self.listed)
        return TargetResult(query, self.status, tuple(tracks), *found)


class ResultFile(_Part):
    """The whole file; ``timings`` are seconds by stage, ``usage`` is what the questions took."""

    video: VideoInfo
    references: tuple[Reference, ...]
    timings: dict[str, float]
    usage: Totals | None = None


def describe(
    video: VideoReader,
    results: Sequence[TargetResult],
    timings: Mapping[str, float],
    usage: Totals | None = None,
) -> ResultFile:
    """What ``result.json`` says about ``results``."""
    height, width = video.size
    info = VideoInfo(
        name=video.name,
        width=width,
        height=height,
        fps=video.fps,
        frame_names=tuple(video.frame_name(index) for index in range(len(video))),
    )
    references = tuple(_reference(result) for result in results)
    return ResultFile(video=info, references=references, timings=dict(timings), usage=usage)


def _reference(result: TargetResult) -> Reference:
    return Reference(
        id=result.query.id,
        text=result.query.text,
        status=result.status,
        tracks=tuple(_track(track) for track in result.tracks),
        pivots=result.pivots,
        given=result.query.pivots,
        clips=result.clips,
        looks=result.looks,
        sound=result.query.sound,
        heard=result.heard,
        sounding=result.sounding,
        category=result.query.category,
        listed=result.listed,
    )


def _track(track: MaskTrack) -> TrackInfo:
    visible = [frame for frame, rle in enumerate(track.masks) if masks.area(rle)]
    first, last = (visible[0], visible[-1]) if visible else (None, None)
    return TrackInfo(track_id=track.track_id, visible=len(visible), first=first, last=last)
