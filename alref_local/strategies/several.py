"""Sentences that mean several objects: the pivots of different clips are sorted by object before propagation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alref_local.engine import Engine
from alref_local.masks import TrackBuilder
from alref_local.seams import VideoReader
from alref_local.select.objects import founders, numbered
from alref_local.types import Pivot, Prompt

__all__ = ["tell_objects_apart"]


async def tell_objects_apart(
    pivots: Mapping[str, Sequence[Pivot]], video: VideoReader, engine: Engine
) -> dict[str, tuple[Pivot, ...]]:
    """The pivots of every query with the number of their object in ``track``.

    Where no frame holds two pivots of a query this is free, and each query has one object, as in the paper. Otherwise
    the objects of the fullest frame are carried through the video once, all queries together.
    """
    first = {query_id: founders(group) for query_id, group in pivots.items()}
    seeds = [(query_id, pivot) for query_id, group in first.items() for pivot in group]
    prompts = [
        Prompt(number, pivot.frame, box=pivot.box, start=True) for number, (_, pivot) in enumerate(seeds)
    ]
    builder = TrackBuilder(len(video), video.size, range(len(seeds)))
    async for _ in engine.track(video, prompts, builder):
        pass
    tracks = builder.tracks()
    return {
        query_id: numbered(
            group, [track for track, (owner, _) in zip(tracks, seeds, strict=True) if owner == query_id]
        )
        for query_id, group in pivots.items()
    }
