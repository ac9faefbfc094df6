"""Which things sound in a sound event (paper, equation 1): the combination of their names that it is most like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations as _of_size
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alref_local import masks
from alref_local.select.sound_events import Segment
from alref_local.types import Spans, TargetResult

__all__ = ["MOST", "choices", "joint", "middles", "silenced", "sounds_at", "spans", "text_of", "winners"]

MOST: Final = 6
"""Things of which all combinations are compared (63 of them); what is heard more seldom is not judged."""

_NOTHING: Final = "silence"

Combination = tuple[str, ...]


def choices(names: Sequence[str], *, silence: bool) -> tuple[Combination, ...]:
    """All combinations of at least one name, the smallest first, each in the order given; last, of none.

    Args:
        names: of the things, the most often heard first; after ``MOST`` of them the rest is left out.
        silence: whether nothing may sound (the paper has no such choice).
    """
    compared = names[:MOST]
    some = (one for size in range(1, len(compared) + 1) for one in _of_size(compared, size))
    return (*some, *([()] if silence else []))


def text_of(combination: Combination, called: Mapping[str, str] = MappingProxyType({})) -> str:
    """What an aligner is given for it: "dog, train"; "silence" for nothing.

    Args:
        combination: names of things.
        called: other words for some of them.
    """
    return ", ".join(called.get(name, name) for name in combination) or _NOTHING


def winners(
    similarity: NDArray[np.float32], among: Sequence[Combination], levels: Sequence[float], gate: float
) -> list[Combination]:
    """What sounds in each of ``n`` segments: the most alike; of equals the first.

    Args:
        similarity: ``(n, m)`` cosines of segments and combinations.
        among: the ``m`` combinations. Only where that of nothing is one of them, segments may be too soft to sound.
        levels: ``n`` levels in dB.
        gate: dB below the loudest segment from which on nothing sounds.
    """
    softest = max(levels, default=0.0) - gate if () in among else -np.inf
    best = similarity.argmax(axis=1).tolist()
    return [among[place] if level >= softest else () for place, level in zip(best, levels, strict=True)]


def spans(segments: Sequence[Segment], won: Sequence[Combination], names: Iterable[str]) -> dict[str, Spans]:
    """The seconds in which each thing sounds, neighbouring segments joined.

    Args:
        segments: in their order.
        won: what sounds in each of them.
        names: of the things.
    """
    parts = [((start, stop), one) for (start, stop, _), one in zip(segments, won, strict=True)]
    return {name: joint((part,) for part, one in parts if name in one) for name in names}


def joint(some: Iterable[Spans]) -> Spans:
    """The seconds in which any of several things sounds."""
    found: list[tuple[float, float]] = []
    for start, stop in sorted(span for one in some for span in one):
        if found and found[-1][1] >= start:
            before = found.pop()
            start, stop = before[0], max(before[1], stop)
        found.append((start, stop))
    return tuple(found)


def middles(times: NDArray[np.float64], stop: float) -> NDArray[np.float64]:
    """``(n,)`` seconds at the middle of frames that are shown from ``(n,)`` times on, the last until ``stop``."""
    return np.asarray((times + np.append(times[1:], stop)) / 2)


def sounds_at(times: NDArray[np.float64], when: Spans) -> NDArray[np.bool_]:
    """``(n,)``: whether something sounds that sounds in ``when``, at ``(n,)`` seconds."""
    sounding = np.zeros(len(times), np.bool_)
    for start, stop in when:
        sounding |= (times >= start) & (times < stop)
    return sounding


def silenced(result: TargetResult, times: NDArray[np.float64], when: Spans) -> TargetResult:
    """The result of one query without its masks of the frames on which it is silent; scores stay.

    Args:
        result: of the query.
        times: ``(n,)`` seconds at the middle of each frame.
        when: the seconds in which it sounds.
    """
    on = sounds_at(times, when).tolist()
    tracks = tuple(
        replace(
            track,
            masks=tuple(
                rle if sounds else masks.empty(track.size)
                for rle, sounds in zip(track.masks, on, strict=True)
            ),
        )
        for track in result.tracks
    )
    seen = any(masks.area(rle) for track in tracks for rle in track.masks)
    return replace(result, tracks=tracks, sounding=when, status="ok" if seen else "no_target")
