"""Who sounds when (paper, Audio Clip Segmentation): sound events, equation 1 for each, silent frames emptied.

What is meant by a query is a thing by its name, or what a sentence names of the things heard. What is silent throughout
is known before any question is asked about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alref_local.select.named import named, same
from alref_local.select.sound_events import Segment, known_segments, segments
from alref_local.select.sounding import MOST, choices, joint, spans, text_of, winners
from alref_local.select.stretches import Hearing, Listening
from alref_local.select.vocabulary import vocabulary
from alref_local.types import Query, Spans

if TYPE_CHECKING:
    from alref_local.engine import Engine

__all__ = ["listed", "sounding", "when"]


async def when(
    names: Sequence[str], plan: Listening, hearing: Hearing, engine: Engine
) -> Mapping[str, Spans]:
    """The seconds in which each thing sounds: for every sound event the likeliest combination of names.

    The track is heard once more, window by window; an event ends where its window does. Where the track ends before the
    video and ``sound.silence`` is off, its last event goes on.

    Args:
        names: of the things, the most often heard first; from the seventh on they are not judged, and left out.
        plan: the windows.
        hearing: the sound.
        engine: its aligner judges.
    """
    sound, (audio, begin, events) = engine.settings.sound, hearing
    among = choices(names, silence=sound.silence)
    if len(among) == 1:  # of one thing the equation says that it always sounds
        return dict.fromkeys(names, ((0.0, plan.stop),))
    texts = [text_of(one, sound.called) for one in among]
    windows = audio.windows(plan.window, start=begin, stop=begin + plan.stop)
    found: list[Segment] = []
    alike: list[NDArray[np.float32]] = []

    def judge() -> bool:
        if (window := next(windows, None)) is None:
            return False
        start = window.start - begin
        if events:
            heard = known_segments(window.samples, events, start)
        else:
            heard = segments(window.samples, engine.tagger.features, sound.events)
        alike.append(engine.aligner.similarity([one.of(window.samples) for one in heard], texts))
        found.extend(one.later(start) for one in heard)
        return True

    while await engine.perceive(judge):
        pass
    if not sound.silence:
        found[-1] = found[-1]._replace(stop=max(found[-1].stop, plan.stop))
    won = winners(np.concatenate(alike), among, [one.level for one in found], sound.gate)
    return spans(found, won, names[:MOST])


async def sounding(
    queries: Sequence[Query], things: Sequence[Query], plan: Listening, hearing: Hearing, engine: Engine
) -> dict[str, Spans]:
    """By query, the seconds in which what it means sounds; those of which this is not known are left out.

    A sentence means the things that it names, of those that are heard; if it names none of them, any of them: what is
    heard as "puppy" it may call a dog, and which one it means is for the backend to say.

    Args:
        queries: things, and sentences.
        things: everything that is heard.
        plan: the windows.
        hearing: the sound.
        engine: its aligner judges, if it has one.
    """
    if not engine.settings.sound.aligner or not things:
        return {}
    heard = tuple(thing.category for thing in things)
    judged = await when(heard, plan, hearing, engine)
    found: dict[str, Spans] = {}
    for query in queries:
        meant = (query.category,) if query.category else named(query.text, heard) or heard
        if all(name in judged for name in meant):
            found[query.id] = joint(judged[name] for name in meant)
    return found


async def listed(things: Sequence[Query], engine: Engine) -> dict[str, str]:
    """By thing, the name of AVSBench-semantic's list that is nearest to its own.

    None unless label maps are asked for. By its form; else by the aligner: without one, a thing off the list has none.
    """
    if engine.settings.sound.labels == "none":
        return {}
    names = vocabulary("avsbench")
    found = {thing.id: same(thing.category, names) for thing in things}
    off = [thing for thing in things if found[thing.id] is None]
    if off and engine.settings.sound.aligner:
        alike = await engine.perceive(
            engine.aligner.text_similarity, [thing.category for thing in off], names
        )
        found |= {thing.id: names[place] for thing, place in zip(off, alike.argmax(axis=1), strict=True)}
    return {id: name for id, name in found.items() if name is not None}
