"""MeViS (Ding et al., ICCV 2023; v2: TPAMI 2025): motion expressions, several objects or, in v2, none at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import model_validator

from alref_local.datasets.expressions import Expressions, Video
from alref_local.datasets.item import Dataset, Item, Reference
from alref_local.datasets.rle import checked
from alref_local.datasets.source import AnnotationsError, Entry, Source
from alref_local.datasets.truth import RleMasks
from alref_local.types import Rle

__all__ = ["MEVIS"]


class _Rle(Entry):
    size: tuple[int, int]
    counts: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        checked(self.plain())
        return self

    def plain(self) -> Rle:
        return Rle(self.size, self.counts.encode())


_Tracks = dict[str, list[_Rle | None]]


def _read(source: Source, split: str) -> Iterator[Item]:
    videos = source.json(Expressions, split, "meta_expressions.json").videos
    published = split != "valid" or source.path(split, "mask_dict.json").exists()
    found = source.json(_Tracks, split, "mask_dict.json") if published else {}
    tracks = {id: tuple(one.plain() if one else None for one in track) for id, track in found.items()}
    for name, video in videos.items():
        folder = source.path(split, "JPEGImages", name)
        yield Item(name, folder, tuple(_references(name, video, tracks)), tuple(video.frames))


def _references(name: str, video: Video, tracks: dict[str, tuple[Rle | None, ...]]) -> Iterator[Reference]:
    frames = tuple(video.frames)
    for id, said in video.expressions.items():
        if said.anno_id is None or not tracks:
            yield Reference(id, said.exp)
            continue
        for annotation in said.anno_id:
            if len(tracks.get(annotation, ())) != len(frames):
                raise AnnotationsError(
                    [
                        f"mask_dict.json: {annotation}, which sentence {id} of {name} means, "
                        f"has {len(tracks.get(annotation, ()))} masks for {len(frames)} frames."
                    ]
                )
        truth = RleMasks(frames, tuple(tracks[annotation] for annotation in said.anno_id))
        yield Reference(id, said.exp, truth=truth, target=bool(said.anno_id))


MEVIS = Dataset(
    name="mevis",
    about="MeViS: sentences about motion; in version 2 some have no target",
    metric="J&F",
    layout="""
SPLIT/meta_expressions.json  {"videos": {VIDEO: {"expressions": {ID: {"exp": ..., "anno_id": [...]}}, "frames": [...]}}}
SPLIT/mask_dict.json         {ANNO_ID: [COCO RLE or null per frame]}; not published for valid
SPLIT/JPEGImages/VIDEO/FRAME.jpg
""",
    splits={"valid_u": 50, "valid": 140, "train": 1662},
    read=_read,
)
