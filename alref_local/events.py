"""What a running strategy tells: the command line, the evaluation and a user interface read the same events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alref_local.types import Candidate, Clip, Pivot, TargetResult

__all__ = ["ClipReasoned", "Event", "Finished", "Planned", "Progress", "Tracked"]


@dataclass(frozen=True, slots=True)
class Planned:
    """The video is divided: these clips will be reasoned about."""

    clips: tuple[Clip, ...]


@dataclass(frozen=True, slots=True)
class ClipReasoned:
    """One query is settled on one clip.

    Attributes:
        query_id: which query.
        clip: which clip.
        pivots: the chosen boxes; empty if the clip was dropped.
        candidates: what the grounder proposed on the pivot frame, best first.
        frame: the pivot frame, ``None`` if no valid choice came.
        strips: the JPEG images that the backend was shown, by step name.
        note: why the clip was dropped, for people; empty if it was not.
    """

    query_id: str
    clip: Clip
    pivots: tuple[Pivot, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    frame: int | None = None
    strips: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tracked:
    """The segmentor has finished with one frame; ``done`` of ``total`` visits are made."""

    frame: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A stage has moved on: ``done`` of ``total``."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Finished:
    """All queries are done, in the order asked."""

    results: tuple[TargetResult, ...]


Event = Planned | ClipReasoned | Tracked | Progress | Finished
