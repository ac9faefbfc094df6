"""Ref-DAVIS17 (Khoreva et al., ACCV 2018) in the form of Ref-YouTube-VOS, as ReferFormer's conversion leaves it."""

from __future__ import annotations

from collections.abc import Iterator

from alref_local.datasets.expressions import Expressions
from alref_local.datasets.item import Dataset, Item, Reference
from alref_local.datasets.source import AnnotationsError, Source
from alref_local.datasets.truth import LabelFiles

__all__ = ["ANNOTATORS", "REF_DAVIS17"]

ANNOTATORS = 4
"""Two people, each by the first frame and by the whole video; J&F is the mean of four evaluations."""


def _read(source: Source, split: str) -> Iterator[Item]:
    """Sentence ``4 * o + a`` is annotator ``a``'s for object ``o + 1``."""
    name = "meta_expressions.json"
    videos = source.json(Expressions, "meta_expressions", split, name).videos
    for video, entry in videos.items():
        if len(entry.expressions) % ANNOTATORS:
            raise AnnotationsError(
                [
                    f"{name}: {video} has {len(entry.expressions)} sentences, "
                    f"but every object has one of each of {ANNOTATORS} annotators."
                ]
            )
        frames = tuple(entry.frames)
        files = tuple(source.path(split, "Annotations", video, f"{frame}.png") for frame in frames)
        references = tuple(
            Reference(id, said.exp, target=True, group=f"anno_{i % ANNOTATORS}", object=i // ANNOTATORS + 1)
            for i, (id, said) in enumerate(entry.expressions.items())
        )
        folder = source.path(split, "JPEGImages", video)
        yield Item(video, folder, references, frames, truth=LabelFiles(frames, files))


REF_DAVIS17 = Dataset(
    name="ref-davis17",
    about="Ref-DAVIS17: every object of DAVIS 2017 described by four annotators",
    metric="J&F by object",
    layout="""
meta_expressions/SPLIT/meta_expressions.json   {"videos": {VIDEO: {"expressions": {ID: {"exp": ...}}, "frames": [...]}}}
SPLIT/JPEGImages/VIDEO/FRAME.jpg
SPLIT/Annotations/VIDEO/FRAME.png              Annotations_unsupervised/480p of DAVIS 2017
""",
    splits={"valid": 30},
    read=_read,
)
