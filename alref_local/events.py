"""What a running strategy tells: the command line, the evaluation and a user interface read the same events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alref_local.types import Clip, ClipReasoned, Heard, Look, Query, TargetResult

__all__ = ["Event", "Finished", "Listened", "Looked", "Planned", "Reasoned", "ReferencesFound", "Tracked"]


@dataclass(frozen=True, slots=True)
class Listened:
    """One stretch of the video was listened to; ``strip`` is what the backend was shown, if it was asked."""

    heard: Heard
    strip: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferencesFound:
    """The whole video was listened to: these things make its sounds, each a query of its own."""

    references: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """The video is divided: each of these queries will be reasoned about on each of these clips."""

    clips: tuple[Clip, ...]
    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reasoned:
    """One query is settled on one clip; ``strips`` are the JPEG images that the backend was shown, by step."""

    outcome: ClipReasoned
    strips: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tracked:
    """The segmentor has finished with one frame; ``done`` of ``total`` visits are made."""

    frame: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Looked:
    """The masks of one query were looked at a second time; ``strip`` is what the backend was shown."""

    query_id: str
    look: Look
    strip: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """All queries are done, in the order asked."""

    results: tuple[TargetResult, ...]


Event = Listened | ReferencesFound | Planned | Reasoned | Tracked | Looked | Finished
