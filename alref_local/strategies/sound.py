"""Sound first (paper, Figure 2(a)): what is heard becomes references in words, and another strategy segments these.

The audio classifier names what it hears, window by window; the backend, shown the labels and the frames, says which
things in the video make these sounds (LBRU). Each of them is a reference of its own. An audio-text model, if there is
one, says when each of them sounds (``strategies/silence.py``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alref_local.errors import AnswerError
from alref_local.events import Event, Finished, Listened, ReferencesFound
from alref_local.seams import Strategy, VideoReader
from alref_local.select.references import (
    categories_of,
    joined,
    lbru_question,
    references,
    tag_categories,
)
from alref_local.select.sounding import joint, middles, silenced
from alref_local.select.stretches import Hearing, Listening, Stretch, listening
from alref_local.strategies.silence import listed, sounding
from alref_local.types import Heard, Query, Status, Tag, TargetResult

if TYPE_CHECKING:
    from alref_local.engine import Engine

__all__ = ["SoundStrategy"]

_SILENT = 1e-4
"""Samples that never reach this (-80 dB) are silence: no classifier is asked what it is."""


class SoundStrategy:
    """Queries of sound are listened for; the others go by unchanged.

    A query of sound alone is replaced by one for each thing that sounds, and its own result holds all their tracks. A
    query that has a sentence too is asked for both; where nothing sounds it has no target.

    Args:
        strategy: who segments.
        hearing: what is listened to.
    """

    def __init__(self, strategy: Strategy, hearing: Hearing) -> None:
        self._strategy = strategy
        self._hearing = hearing

    async def run(
        self, video: VideoReader, queries: Sequence[Query], engine: Engine
    ) -> AsyncGenerator[Event]:
        """Listen, then segment; the last event is ``Finished``.

        Raises:
            BackendError: the backend failed for good; nothing was masked.
            MediaError: the sound cannot be read, or lies beside the video.
        """
        plan = listening(video.timestamps(), video.fps, engine.settings)
        heard: list[Heard] = []
        async with aclosing(self._listened(video, plan, engine)) as settled:
            async for listened in settled:
                heard.append(listened.heard)
                yield listened
        heard.sort(key=lambda one: one.stretch)
        found = references(heard, engine.settings.sound)
        yield ReferencesFound(found)

        sentences = [query for query in queries if query.sound and query.text and found]
        things = found if any(query.sound and not query.text for query in queries) else ()
        when = await sounding([*sentences, *things], found, plan, self._hearing, engine)
        results = {query.id: TargetResult(query, "no_target") for query in (*sentences, *things)}
        asked = [query for query in queries if not query.sound]
        asked += [
            joined(query, heard, engine.settings.sound) for query in sentences if when.get(query.id) != ()
        ]
        asked += [query for query in things if when.get(query.id) != ()]
        async with aclosing(self._strategy.run(video, asked, engine)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    results |= {result.query.id: result for result in event.results}
                else:
                    yield event
        times = middles(video.timestamps(), plan.stop)
        results |= {id: silenced(results[id], times, spans) for id, spans in when.items()}
        names = await listed(things, engine)
        results |= {id: replace(results[id], listed=name) for id, name in names.items()}
        yield Finished(
            tuple(result for query in queries for result in _told(query, things, results, tuple(heard)))
        )

    async def _listened(
        self, video: VideoReader, plan: Listening, engine: Engine
    ) -> AsyncGenerator[Listened]:
        """Every stretch, as its question is settled."""
        tags = await self._tags(plan, engine)
        jobs = (_lbru(video, one, some, engine) for one, some in zip(plan.stretches, tags, strict=True))
        async with aclosing(engine.in_flight(jobs)) as settled:
            async for listened in settled:
                yield listened

    async def _tags(self, plan: Listening, engine: Engine) -> list[tuple[Tag, ...]]:
        """What the classifier hears in every stretch, the likeliest first."""
        sound, (audio, begin, _) = engine.settings.sound, self._hearing
        windows = audio.windows(plan.window, start=begin, stop=begin + plan.stop)
        best: list[dict[str, float]] = [{} for _ in plan.stretches]
        most = 0

        def listen() -> tuple[int, list[Tag]] | None:
            if (window := next(windows, None)) is None:
                return None
            stretch = plan.stretch_at(window.start - begin)
            quiet = float(np.abs(window.samples).max(initial=0.0)) < _SILENT
            return stretch, [] if quiet else engine.tagger.tags(window.samples, sound.tags)

        while (told := await engine.perceive(listen)) is not None:
            stretch, tags = told
            most = max(most, len(tags))
            for name, probability in tags:
                if probability >= sound.min_probability:
                    best[stretch][name] = max(probability, best[stretch].get(name, 0.0))
        return [
            tuple(sorted((Tag(*one) for one in some.items()), key=lambda tag: -tag.probability)[:most])
            for some in best
        ]


async def _lbru(video: VideoReader, stretch: Stretch, tags: tuple[Tag, ...], engine: Engine) -> Listened:
    """Which things in the frames of a stretch make its sounds; without labels there is nothing to ask."""
    sound, clip = engine.settings.sound, stretch.clip
    heard = Heard(clip.index, round(stretch.start, 3), round(stretch.stop, 3), clip.frames, tags)
    if not tags:
        return Listened(replace(heard, note="nothing is heard"))
    if sound.references == "tags":
        return Listened(replace(heard, categories=tag_categories(tags)))
    context = await engine.context(video, clip)
    question = await engine.perceive(lbru_question, context, tags, engine.vocabulary, engine.prompts, sound)
    try:
        heard = categories_of(heard, await engine.backend.ask(question), sound)
    except AnswerError as error:
        heard = replace(heard, note=str(error))
    return Listened(heard, tuple(image.data for image in question.images))


def _told(
    query: Query, found: Sequence[Query], results: dict[str, TargetResult], heard: tuple[Heard, ...]
) -> list[TargetResult]:
    """The results of one query as it was asked: of sound alone, first everything that sounds, then each thing."""
    if not query.sound:
        return [results[query.id]]
    if query.text:
        result = results.get(query.id, TargetResult(query, "no_target"))
        return [replace(result, query=query, heard=heard)]
    things = [results[one.id] for one in found]
    tracks = tuple(track for one in things for track in one.tracks)
    status: Status = "ok" if any(one.status == "ok" for one in things) else "no_target"
    when = [one.sounding for one in things if one.sounding is not None]
    all_known = things and len(when) == len(things)
    together = TargetResult(query, status, tracks, heard=heard, sounding=joint(when) if all_known else None)
    return [together, *things]
