"""The nouns of the method: what flows between media, select, perceive and the strategies.

Boxes are ``(x0, y0, x1, y1)`` in pixels of the video, origin top left, right and bottom edge exclusive.
Sizes are ``(height, width)``. Frame numbers count from 0 in the video that is being segmented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SOUND",
    "Box",
    "Candidate",
    "Clip",
    "ClipReasoned",
    "FrameMasks",
    "Heard",
    "Image",
    "Look",
    "MaskTrack",
    "Pivot",
    "Prompt",
    "Query",
    "Rle",
    "Spans",
    "Status",
    "Tag",
    "TargetResult",
    "Totals",
]

Image = NDArray[np.uint8]
"""``(H, W, 3)`` uint8 RGB."""

Status = Literal["ok", "no_target"]


class Box(NamedTuple):
    """Axis-aligned box, pixels of the video."""

    x0: float
    y0: float
    x1: float
    y1: float


class Rle(NamedTuple):
    """One binary mask as COCO run-length encoding (column-major, compressed ``counts``)."""

    size: tuple[int, int]
    counts: bytes


class Tag(NamedTuple):
    """A sound's AudioSet label and its probability in ``[0, 1]``."""

    name: str
    probability: float


Spans = tuple[tuple[float, float], ...]
"""Seconds ``[start, stop)`` of the video that is being segmented, in order and apart from each other."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch ``[start, stop)`` of the video and its sampled frames (paper, Implementation Details).

    The id of a sampled frame inside its clip is its 1-based position in ``frames``.
    """

    index: int
    start: int
    stop: int
    frames: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate box of the referent with the grounder's score in ``[0, 1]``."""

    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Pivot:
    """The pivot box ``p_b`` on the pivot frame ``p_f`` of a clip, for one track (paper, Step 1 and 2)."""

    clip: int
    frame: int
    box: Box
    score: float = 1.0
    track: int = 0


SOUND = "sound"
"""Id of everything that sounds; the things themselves are ``sound-dog``, ``sound-train``."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to segment: what a sentence refers to, what makes a sound, or what does both.

    Attributes:
        id: names it in output folders and call logs.
        text: the sentence; empty if whatever sounds is meant.
        pivots: given by a person, they replace reasoning.
        sound: whether what is meant makes a sound.
        caption: what the grounder is given instead of the sentence.
        frame: the pivot frame, where it is known already.
        category: the thing in one word or two, where what is heard has told it.
    """

    id: str
    text: str = ""
    pivots: tuple[Pivot, ...] = ()
    sound: bool = False
    caption: str = ""
    frame: int | None = None
    category: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What is heard in one stretch of a video, and which things in it make these sounds (paper, LBRU).

    Attributes:
        stretch: its number, from 0.
        start: where it begins, in seconds of the video that is being segmented.
        stop: where it ends.
        frames: the frames that were looked at.
        tags: what the audio classifier hears, the likeliest first; none in silence.
        categories: of the things that sound, lower case.
        shown: the frame that shows each category best, where that was asked for too.
        note: why there are no categories, for people.
        agreement: the share of the answers that say so, where it was asked several times.
    """

    stretch: int
    start: float
    stop: float
    frames: tuple[int, ...]
    tags: tuple[Tag, ...] = ()
    categories: tuple[str, ...] = ()
    shown: tuple[int, ...] = ()
    note: str = ""
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class ClipReasoned:
    """One query is settled on one clip.

    Attributes:
        query_id: which query.
        clip: which clip.
        frame: the pivot frame, ``None`` if no valid choice came.
        candidates: what the grounder proposed on the pivot frame, as they are numbered: best first as a rule.
        pivots: the chosen boxes; empty if the clip was dropped.
        note: why the clip was dropped or how it was rescued, for people.
        confidence: by step, how probable the model held what it chose, where it says so.
        agreement: by step, the share of the answers that say so, where it was asked several times.
    """

    query_id: str
    clip: Clip
    frame: int | None = None
    candidates: tuple[Candidate, ...] = ()
    pivots: tuple[Pivot, ...] = ()
    note: str = ""
    confidence: Mapping[str, float] = field(default_factory=dict)
    agreement: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt to the segmentor: exactly one of a box, a mask or points, on one frame of one track.

    Attributes:
        track_id: which track; several prompts of one track become its conditioning frames.
        frame: frame number.
        box: the object's box.
        mask: ``(H, W)`` bool at video size.
        points: ``(n, 2)`` float32 ``(x, y)`` with ``labels`` ``(n,)`` int, 1 inside, 0 outside.
        start: propagation of this track starts here (one prompt per track; default: its first frame).
    """

    track_id: int
    frame: int
    box: Box | None = None
    mask: NDArray[np.bool_] | None = None
    points: NDArray[np.float32] | None = None
    labels: NDArray[np.int32] | None = None
    start: bool = False


@dataclass(frozen=True, slots=True)
class FrameMasks:
    """The segmentor's word on one frame, for the tracks that it advanced on it.

    Attributes:
        frame: frame number.
        track_ids: ``n`` track ids.
        logits: ``(n, h, w)`` float16 at the model's mask resolution; above 0 is foreground.
        object_score: ``(n,)`` float32 logit; at or below 0 the object is not on this frame.
    """

    frame: int
    track_ids: tuple[int, ...]
    logits: NDArray[np.float16]
    object_score: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MaskTrack:
    """One object through the video: an RLE for every frame, empty masks included.

    ``scores`` holds the object score (probability in ``[0, 1]``) of each frame.
    """

    track_id: int
    size: tuple[int, int]
    masks: Sequence[Rle]
    scores: Sequence[float]


@dataclass(frozen=True, slots=True)
class Look:
    """A second look at the masks of one query.

    Attributes:
        number: counted from 1.
        frames: the frames that were shown; none if there was no mask to show.
        accepted: whether the masks are of the thing that the query speaks of.
        pivots: the pivots behind these masks.
        note: why nothing was asked, or what followed, for people.
        confidence: how probable the model held what it said, where it says so.
        agreement: the share of the answers that say so, where it was asked several times.
    """

    number: int
    frames: tuple[int, ...]
    accepted: bool
    pivots: tuple[Pivot, ...] = ()
    note: str = ""
    confidence: float | None = None
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class TargetResult:
    """What became of one query: its tracks, the pivots behind them, what was settled on each clip, second looks.

    ``status`` is ``no_target`` when no frame of any track holds a mask. ``heard`` is what a query of sound goes by,
    ``sounding`` when what it means sounds (None: at no time is it known to be silent), and ``listed`` the category of
    AVSBench-semantic that is nearest to it, where label maps are asked for.
    """

    query: Query
    status: Status
    tracks: tuple[MaskTrack, ...] = ()
    pivots: tuple[Pivot, ...] = ()
    clips: tuple[ClipReasoned, ...] = ()
    looks: tuple[Look, ...] = ()
    heard: tuple[Heard, ...] = ()
    sounding: Spans | None = None
    listed: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the questions of a run took.

    Attributes:
        questions: questions that were answered, however often each was asked.
        exchanges: requests to the model, those of interrupted attempts at the run included.
        failed: the exchanges among them that brought no valid answer.
        from_cache: answers that were known and not asked for; they are not in the other sums.
        prompt_tokens: tokens read, as far as the server says.
        completion_tokens: tokens written, reasoning included.
        cached_tokens: the prompt tokens among them that came from the server's own prefix cache.
        dollars: the price; ``None`` if the card has none.
    """

    questions: int = 0
    exchanges: int = 0
    failed: int = 0
    from_cache: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    dollars: float | None = None

    def __add__(self, other: Totals) -> Totals:
        """Of both runs together."""
        dollars = [one.dollars for one in (self, other) if one.dollars is not None]
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return Totals(**counts, dollars=sum(dollars) if dollars else None)


_COUNTS = tuple(one.name for one in fields(Totals) if one.name != "dollars")
