"""AL-Ref-SAM 2 (paper, Figure 2): pivot frame, pivot box, propagation. Read it from top to bottom.

On each clip of the video the backend chooses the frame that shows the referent best, the grounder proposes
candidate boxes there, and the backend chooses the box that holds the referent. All pivots of an object together
prompt the segmentor, which starts at the pivot of the middle clip and carries the mask forward, then backward.
Where a sound is asked for, it has become queries in words before (``strategies/sound.py``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

from alref_local.engine import Engine
from alref_local.errors import AnswerError
from alref_local.events import Event, Finished, Planned, Reasoned, Tracked
from alref_local.masks import TrackBuilder, area
from alref_local.seams import VideoReader
from alref_local.select.clip import ClipReasoner
from alref_local.select.objects import by_object
from alref_local.select.pivots import track_prompts, visits
from alref_local.select.sampling import plan_clips
from alref_local.strategies.several import tell_objects_apart
from alref_local.types import Clip, ClipReasoned, MaskTrack, Pivot, Query, TargetResult

__all__ = ["PivotStrategy"]


class PivotStrategy:
    """The paper's method; what the paper leaves open is a setting (``settings.pivots``, ``settings.reasoning``)."""

    async def run(
        self, video: VideoReader, queries: Sequence[Query], engine: Engine
    ) -> AsyncGenerator[Event]:
        """Segment all queries of one video together; the last event is ``Finished``.

        Raises:
            BackendError: the backend failed for good; nothing was masked.
        """
        asked = [query for query in queries if not query.pivots]
        clips, fixed = plan_clips(len(video), video.fps, engine.settings)
        yield Planned(clips, tuple(query.id for query in asked))

        outcomes: dict[str, list[ClipReasoned]] = {query.id: [] for query in queries}
        jobs = (self._reason(video, query, clip, fixed, engine) for clip in clips for query in asked)
        async with aclosing(engine.in_flight(jobs)) as settled:
            async for event in settled:
                outcomes[event.outcome.query_id].append(event.outcome)
                yield event
        for query in asked:
            if engine.settings.pivots.rescue != "none" and not any(one.pivots for one in outcomes[query.id]):
                event = await self._rescue(video, query, fixed or 0, engine)
                outcomes[query.id].append(event.outcome)
                yield event

        found = {query.id: query.pivots or _pivots(outcomes[query.id]) for query in queries}
        pivots = await tell_objects_apart(found, video, engine)
        objects = [(query, group) for query in queries for group in by_object(pivots[query.id]).values()]
        prompts = [
            prompt
            for track_id, (query, group) in enumerate(objects)
            for prompt in track_prompts(track_id, group, len(clips), _start_rule(query, engine))
        ]
        builder = TrackBuilder(len(video), video.size, range(len(objects)))
        total = visits(len(video), prompts)
        async for done, frame in engine.track(video, prompts, builder):
            yield Tracked(frame, done, total)
        tracks: dict[str, list[MaskTrack]] = {query.id: [] for query in queries}
        for track, (query, _) in zip(builder.tracks(), objects, strict=True):
            tracks[query.id].append(track)
        yield Finished(
            tuple(_result(query, tracks[query.id], pivots[query.id], outcomes[query.id]) for query in queries)
        )

    async def _reason(
        self, video: VideoReader, query: Query, clip: Clip, fixed: int | None, engine: Engine
    ) -> Reasoned:
        """Both steps of pivot selection for one query on one clip."""
        reasoner = ClipReasoner(await engine.context(video, clip), query, engine)
        try:
            frame = await reasoner.pivot_frame() if fixed is None else fixed
            await reasoner.propose(frame)
            await reasoner.pivot_box()
        except AnswerError as error:
            reasoner.note = str(error)
        return Reasoned(reasoner.outcome(), reasoner.strips)

    async def _rescue(self, video: VideoReader, query: Query, frame: int, engine: Engine) -> Reasoned:
        """The best box of the fixed frame or the first (the paper is silent; the released code never abstains)."""
        rule = engine.settings.pivots
        reasoner = ClipReasoner(await engine.context(video, Clip(0, 0, len(video), (frame,))), query, engine)
        await reasoner.propose(frame, thresholds=(rule.rescue_box_threshold, rule.rescue_text_threshold))
        reasoner.take_best()
        reasoner.note = f"rescued by the best box of {f'frame {frame}' if frame else 'the first frame'}"
        return Reasoned(reasoner.outcome())


def _start_rule(query: Query, engine: Engine) -> Literal["nearest_to_middle", "surviving_middle"]:
    """A person's pivots belong to no clip: the middle one of them starts."""
    return "surviving_middle" if query.pivots else engine.settings.pivots.start


def _pivots(outcomes: Sequence[ClipReasoned]) -> tuple[Pivot, ...]:
    """All pivots of one query, in the order of its clips."""
    return tuple(pivot for one in sorted(outcomes, key=lambda one: one.clip.index) for pivot in one.pivots)


def _result(
    query: Query, tracks: Sequence[MaskTrack], pivots: Sequence[Pivot], outcomes: Sequence[ClipReasoned]
) -> TargetResult:
    found = any(area(mask) for track in tracks for mask in track.masks)
    return TargetResult(
        query=query,
        status="ok" if found else "no_target",
        tracks=tuple(tracks),
        pivots=tuple(pivots),
        clips=tuple(sorted(outcomes, key=lambda one: one.clip.index)),
    )
