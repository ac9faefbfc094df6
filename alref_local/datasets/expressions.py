"""``meta_expressions.json``: the form in which Ref-YouTube-VOS publishes sentences, and others after it."""

from __future__ import annotations

from alref_local.datasets.source import Entry, Name, Sentence

__all__ = ["Expression", "Expressions", "Video"]


class Expression(Entry):
    """A sentence, and what it means where that is published: an object (Ref-YouTube-VOS) or annotations (MeViS)."""

    exp: Sentence
    obj_id: int | list[int] | None = None
    anno_id: list[str] | None = None


class Video(Entry):
    """The sentences of a video by id, and the names of its frames."""

    expressions: dict[Name, Expression]
    frames: list[Name]


class Expressions(Entry):
    """The whole file."""

    videos: dict[Name, Video]
