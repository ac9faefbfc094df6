"""Ref-YouTube-VOS (Seo et al., ECCV 2020): web videos of which every fifth frame is published."""

from __future__ import annotations

from collections.abc import Iterator

from alref_local.datasets.expressions import Expression, Expressions
from alref_local.datasets.item import Dataset, Item, Reference
from alref_local.datasets.source import Source
from alref_local.datasets.truth import LabelFiles, MaskFiles

__all__ = ["REF_YOUTUBE_VOS"]


def _read(source: Source, split: str) -> Iterator[Item]:
    """The list of ``valid`` holds the videos of the test phase too; those in the list of ``test`` are left out."""
    videos = source.json(Expressions, "meta_expressions", split, "meta_expressions.json").videos
    later = (
        source.json(Expressions, "meta_expressions", "test", "meta_expressions.json").videos
        if split == "valid"
        else {}
    )
    for name, video in videos.items():
        if name in later:
            continue
        frames = tuple(video.frames)
        references = tuple(
            _reference(source, split, name, frames, id, said) for id, said in video.expressions.items()
        )
        yield Item(name, source.path(split, "JPEGImages", name), references, frames)


def _reference(
    source: Source, split: str, video: str, frames: tuple[str, ...], id: str, said: Expression
) -> Reference:
    """The truth is a folder of masks per sentence, as results are submitted, or the objects' label maps (train)."""
    if not source.path(split, "Annotations").is_dir():
        return Reference(id, said.exp, target=True)
    number = said.obj_id if isinstance(said.obj_id, int) else None
    folder = ("Annotations", video, id) if number is None else ("Annotations", video)
    files = tuple(source.path(split, *folder, f"{frame}.png") for frame in frames)
    truth = MaskFiles(frames, files) if number is None else LabelFiles(frames, files, number)
    return Reference(id, said.exp, truth=truth, target=True)


REF_YOUTUBE_VOS = Dataset(
    name="ref-youtube-vos",
    about="Ref-YouTube-VOS: sentences about web videos, every fifth frame",
    metric="J&F",
    layout="""
meta_expressions/SPLIT/meta_expressions.json   {"videos": {VIDEO: {"expressions": {ID: {"exp": ...}}, "frames": [...]}}}
meta_expressions/test/meta_expressions.json    says which videos of valid are not part of it
SPLIT/JPEGImages/VIDEO/FRAME.jpg
SPLIT/Annotations/VIDEO/ID/FRAME.png           truth, if you have it; train: VIDEO/FRAME.png, numbers of "obj_id"
""",
    splits={"valid": 202, "train": 0},
    read=_read,
    fps=6.0,
)
