"""A second look (not in the paper): are the finished masks of the thing that the reference speaks of, throughout?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from alref_local import masks
from alref_local.media.strip import Panel, strip
from alref_local.reason.prompts import PromptSet
from alref_local.reason.question import Address, AnswerSpec, ImagePart, Question
from alref_local.settings import Strip
from alref_local.types import ClipReasoned, Image, Look, MaskTrack, Pivot, Query, Rle, TargetResult

__all__ = ["Review", "look_frames", "next_pivots", "second_look_question"]


@dataclass
class Review:
    """One query that is looked over.

    Attributes:
        first: what the strategy found.
        current: what the next look is at.
        looks: the looks so far.
    """

    first: TargetResult
    current: TargetResult
    looks: tuple[Look, ...] = ()

    @property
    def refused(self) -> bool:
        """The last look was at something else than the query speaks of."""
        return bool(self.looks) and not self.looks[-1].accepted

    def next_query(self) -> Query | None:
        """The query with the next candidates as its pivots; ``None`` if all were tried."""
        tried = [pivot for look in self.looks for pivot in look.pivots]
        pivots = next_pivots(self.first.clips, tried)
        return replace(self.first.query, pivots=pivots) if pivots else None

    def result(self, fresh: Iterator[int]) -> TargetResult:
        """What was accepted, or else the first masks.

        Args:
            fresh: track ids that are free, for tracks beyond the number that the query had at first.
        """
        if self.refused:
            told = "; ".join(
                filter(None, (self.looks[-1].note, "nothing was accepted, the first masks stand"))
            )
            return replace(self.first, looks=(*self.looks[:-1], replace(self.looks[-1], note=told)))
        ids = chain((track.track_id for track in self.first.tracks), fresh)
        tracks = [replace(track, track_id=next(ids)) for track in self.current.tracks]
        kept = replace(self.current, query=self.first.query, clips=self.first.clips)
        return replace(kept, tracks=tuple(tracks), looks=self.looks)


def look_frames(tracks: Sequence[MaskTrack], count: int) -> tuple[int, ...]:
    """``count`` frames spread evenly over those on which any track has a mask; all of them if there are fewer."""
    length = len(tracks[0].masks) if tracks else 0
    masked = [t for t in range(length) if any(masks.area(track.masks[t]) for track in tracks)]
    last = len(masked) - 1
    if last < count:
        return tuple(masked)
    return tuple(masked[round(k * last / max(1, count - 1))] for k in range(count))


def second_look_question(
    item: str,
    query: Query,
    number: int,
    shown: Sequence[tuple[int, Image, Rle]],
    prompts: PromptSet,
    style: Strip,
) -> Question:
    """Ask for yes or no.

    Args:
        item: name of the video.
        query: whose masks they are.
        number: of the look, counted from 1; it stands where other questions have their clip.
        shown: frame number, decoded frame and mask of the frames to show.
        prompts: holds ``second_look``.
        style: how strips are drawn.
    """
    panels = [
        Panel(image, place, mask=masks.decode(rle)) for place, (_, image, rle) in enumerate(shown, start=1)
    ]
    drawn = strip(panels, layout=style.layout, panel=style.panel, quality=style.quality)
    return Question(
        step="second_look",
        text=prompts.render("second_look", reference=query.text, count=len(shown)),
        images=tuple(ImagePart(data) for data in drawn),
        spec=AnswerSpec(allowed=("yes", "no"), kind="names"),
        address=Address(item=item, reference=query.id, step="second_look", clip=number),
        prompt_set=prompts.name,
        fields={
            "reference": query.text,
            "frames": tuple(frame for frame, _, _ in shown),
            "boxes": tuple(masks.box(rle) for _, _, rle in shown),
        },
    )


def next_pivots(clips: Sequence[ClipReasoned], tried: Collection[Pivot]) -> tuple[Pivot, ...]:
    """On each clip that has pivots, as many of the best candidates that were not tried yet.

    A clip whose candidates were all tried drops out.
    """
    known = {(pivot.clip, pivot.frame, pivot.box) for pivot in tried}
    found: list[Pivot] = []
    for one in clips:
        for refused in one.pivots:
            for candidate in one.candidates:
                key = (refused.clip, refused.frame, candidate.box)
                if key not in known:
                    known.add(key)
                    found.append(replace(refused, box=candidate.box, score=candidate.score, track=0))
                    break
    return tuple(found)
