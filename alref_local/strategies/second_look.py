"""Another strategy, looked over: what the backend refuses to recognise is tracked again from the next candidates.

It works with any strategy that tells its candidates (``ClipReasoned``) and takes a query's own pivots.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from alref_local.errors import AnswerError
from alref_local.events import Event, Finished, Looked, Tracked
from alref_local.masks import union
from alref_local.seams import Strategy, VideoReader
from alref_local.select.second_look import Review, look_frames, second_look_question
from alref_local.types import Look, Query, TargetResult

if TYPE_CHECKING:
    from alref_local.engine import Engine

__all__ = ["SecondLookStrategy"]


class SecondLookStrategy:
    """Shows the masks of each query to the backend, at most ``settings.second_look.looks`` times.

    What replaces the first masks was looked at and accepted. A person's own pivots are not looked over.

    Args:
        strategy: who segments.
    """

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy

    async def run(
        self, video: VideoReader, queries: Sequence[Query], engine: Engine
    ) -> AsyncGenerator[Event]:
        """Segment all queries, look, and segment again what was refused; the last event is ``Finished``.

        Raises:
            BackendError: the backend failed for good.
        """
        results: tuple[TargetResult, ...] = ()
        async with aclosing(self._strategy.run(video, queries, engine)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    results = event.results
                else:
                    yield event

        unseen = [result for result in results if result.status == "ok" and not result.query.pivots]
        reviews = {result.query.id: Review(result, result) for result in unseen}
        looks = engine.settings.second_look.looks
        for number in range(1, looks + 1):
            jobs = (_look(video, result, number, engine) for result in unseen)
            async with aclosing(engine.in_flight(jobs)) as settled:
                async for looked in settled:
                    reviews[looked.query_id].looks += (looked.look,)
                    yield looked
            refused = [review for result in unseen if (review := reviews[result.query.id]).refused]
            again = [query for review in refused if (query := review.next_query())]
            if not again or number == looks:
                break
            async with aclosing(self._strategy.run(video, again, engine)) as events:
                async for event in events:
                    if isinstance(event, Tracked):
                        yield event
                    elif isinstance(event, Finished):
                        unseen = list(event.results)
            for result in unseen:
                reviews[result.query.id].current = result
        yield Finished(_settled(results, reviews))


def _settled(results: Sequence[TargetResult], reviews: Mapping[str, Review]) -> tuple[TargetResult, ...]:
    """All results in the order asked, the reviewed ones as their looks settled them."""
    fresh = count(1 + max((track.track_id for result in results for track in result.tracks), default=0))
    return tuple(
        reviews[result.query.id].result(fresh) if result.query.id in reviews else result for result in results
    )


async def _look(video: VideoReader, result: TargetResult, number: int, engine: Engine) -> Looked:
    """One look at the masks of one query; no valid answer lets them stand."""
    query = result.query
    frames = look_frames(result.tracks, engine.settings.second_look.frames)
    if not frames:
        return Looked(query.id, Look(number, (), False, result.pivots, "nothing was masked"))
    images = await engine.perceive(video.frames, frames)
    shown = [
        (frame, image, union([track.masks[frame] for track in result.tracks]))
        for frame, image in zip(frames, images, strict=True)
    ]
    question = await engine.perceive(
        second_look_question, video.name, query, number, shown, engine.prompts, engine.settings.strip
    )
    look = Look(number, frames, True, result.pivots)
    try:
        answer = await engine.backend.ask(question)
    except AnswerError as error:
        look = replace(look, note=f"{error} It counts as yes.")
    else:
        accepted = answer.items == ("yes",)
        look = replace(look, accepted=accepted, confidence=answer.confidence, agreement=answer.agreement)
    return Looked(query.id, look, tuple(image.data for image in question.images))
