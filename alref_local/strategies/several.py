"""Sentences that mean several objects: the pivots of different clips are sorted by object before propagation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alref_local.engine import Engine
from alref_local.masks import TrackBuilder
from alref_local.seams import VideoReader
from alref_local.select.objects import founders, latecomers, numbered
from alref_local.types import MaskTrack, Pivot, Prompt

__all__ = ["tell_objects_apart"]


async def tell_objects_apart(
    pivots: Mapping[str, Sequence[Pivot]], video: VideoReader, engine: Engine
) -> dict[str, tuple[Pivot, ...]]:
    """The pivots of every query with the number of their object in ``track``.

    Where no frame holds two pivots of a query this is free, and each query has one object, as in the paper. Otherwise
    the objects of the fullest frame are carried through the video once, all queries together; and then, where pivots of
    several frames are none of them, these.
    """
    first = {query_id: founders(group) for query_id, group in pivots.items()}
    tracks = await _carried(first, video, engine)
    told = {query_id: numbered(group, tracks[query_id]) for query_id, group in pivots.items()}
    late = {query_id: latecomers(group, told[query_id]) for query_id, group in pivots.items()}
    more = await _carried(late, video, engine)
    return {
        query_id: numbered(group, [*tracks[query_id], *more[query_id]], late[query_id])
        for query_id, group in pivots.items()
    }


async def _carried(
    seeds: Mapping[str, Sequence[Pivot]], video: VideoReader, engine: Engine
) -> dict[str, list[MaskTrack]]:
    """A track of each pivot, by query; of no pivots at all without a pass through the video."""
    owners = [(query_id, pivot) for query_id, some in seeds.items() for pivot in some]
    prompts = [
        Prompt(number, pivot.frame, box=pivot.box, start=True) for number, (_, pivot) in enumerate(owners)
    ]
    builder = TrackBuilder(len(video), video.size, range(len(owners)))
    async for _ in engine.track(video, prompts, builder):
        pass
    found: dict[str, list[MaskTrack]] = {query_id: [] for query_id in seeds}
    for track, (query_id, _) in zip(builder.tracks(), owners, strict=True):
        found[query_id].append(track)
    return found
