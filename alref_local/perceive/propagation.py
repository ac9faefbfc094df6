"""Carries tracks through a video that streams past: prompts first, then from the starts to the end, then backward.

This is the order of work alone; a ``Session`` is what a model makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from alref_local.perceive.prompts import TrackPrompts
from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, Image, Prompt

__all__ = ["Frames", "Seen", "Session", "propagate", "sightings"]

Frames = Sequence[tuple[int, Image]]


class Seen(NamedTuple):
    """A track's mask on a frame: ``(h, w)`` float32 logits at the model's mask resolution, and the object score."""

    logits: NDArray[np.float32]
    score: float


class Sighting(NamedTuple):
    """What is seen of some tracks on a frame."""

    frame: int
    tracks: Sequence[int]
    seen: Sequence[Seen]


class Session(Protocol):
    """One video and its tracks inside a model."""

    def see(self, frames: Frames) -> None:
        """Take frames in hand, and encode those whose features are not kept."""

    def prompt(self, prompt: Prompt) -> None:
        """Run a prompt on its frame, which is in hand."""

    def step(self, frame: int, track_ids: Sequence[int], *, reverse: bool) -> Sequence[Seen]:
        """Advance tracks to ``frame``, which is in hand if any of them has no prompt there."""

    def leave(self, frame: int, visits: int) -> None:
        """A frame is done with for now, and will be taken in hand so many times more."""


def propagate(
    session: Session, video: VideoReader, tracks: Sequence[TrackPrompts], ahead: int = 1
) -> Iterator[FrameMasks]:
    """``sightings`` as a ``Segmentor`` gives them."""
    for frame, track_ids, seen in sightings(session, video, tracks, ahead):
        yield FrameMasks(
            frame=frame,
            track_ids=tuple(track_ids),
            logits=torch.from_numpy(np.stack([one.logits for one in seen])).half().numpy(),
            object_score=np.array([one.score for one in seen], dtype=np.float32),
        )


def sightings(
    session: Session, video: VideoReader, tracks: Sequence[TrackPrompts], ahead: int = 1
) -> Iterator[Sighting]:
    """Yield every (frame, track) pair once; tracks that are on the same frame share its encoder pass.

    Args:
        ahead: so many frames are read and encoded together.
    """
    work = _Work(tracks)
    for frames in _batches(((frame, video.frames([frame])[0]) for frame in work.prompted), ahead):
        session.see(frames)
        for frame, _ in frames:
            for track in tracks:
                if frame in track.by_frame:
                    session.prompt(track.by_frame[frame])
            session.leave(frame, work.needed(frame, reverse=False) + work.needed(frame, reverse=True))
    first, last = min(track.start for track in tracks), max(track.start for track in tracks)
    for frames in _batches(video.stream(first), ahead):
        session.see([one for one in frames if work.needed(one[0], reverse=False)])
        for frame, _ in frames:
            here = work.at(frame, reverse=False)
            yield Sighting(frame, here, session.step(frame, here, reverse=False))
            session.leave(frame, work.needed(frame, reverse=True))
    for frames in _batches(video.stream(0, last, reverse=True), ahead):
        session.see([one for one in frames if work.needed(one[0], reverse=True)])
        for frame, _ in frames:
            here = work.at(frame, reverse=True)
            yield Sighting(frame, here, session.step(frame, here, reverse=True))
            session.leave(frame, 0)


class _Work:
    """Which tracks are on a frame on the way forward and backward; a track's start belongs to its forward way."""

    def __init__(self, tracks: Sequence[TrackPrompts]) -> None:
        self._tracks = tracks
        self.prompted = sorted(frozenset().union(*(track.by_frame for track in tracks)))

    def at(self, frame: int, *, reverse: bool) -> list[int]:
        return [track.track_id for track in self._tracks if (frame < track.start) == reverse]

    def needed(self, frame: int, *, reverse: bool) -> bool:
        """Whether some track has to look at the frame: on a prompted one its mask is known."""
        return any((frame < one.start) == reverse and frame not in one.by_frame for one in self._tracks)


def _batches(frames: Iterable[tuple[int, Image]], size: int) -> Iterator[Frames]:
    waiting = iter(frames)
    while batch := list(islice(waiting, size)):
        yield batch
