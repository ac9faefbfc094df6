"""Clips and their sampled frames (paper, Implementation Details: "divide the input video into several clips")."""

from __future__ import annotations

from math import ceil
from typing import Literal

from alref_local.settings import Sampling, Settings
from alref_local.types import Clip

__all__ = ["fixed_clip", "interval_of", "plan_clips", "sample_clips", "spread"]


def plan_clips(length: int, fps: float, settings: Settings) -> tuple[tuple[Clip, ...], int | None]:
    """The clips to reason about, and the pivot frame if a rule fixes it (``settings.pivots.frame``)."""
    rule = settings.pivots.frame
    if rule == "reason":
        return sample_clips(length, fps, settings.sampling), None
    clip, frame = fixed_clip(length, rule, settings.sampling.frames)
    return (clip,), frame


def interval_of(length: int, fps: float, sampling: Sampling) -> int:
    """The sampling interval S in frames that ``sampling`` means for a video of ``length`` frames.

    An interval given in frames is taken as it is. One in seconds is rounded to whole frames; ``max_clips`` widens it
    for long videos, ``balance`` narrows it until the last clip is about as full as the others.
    """
    if sampling.interval is not None:
        return sampling.interval
    interval = max(1, round((sampling.seconds or 0) * fps))
    n = sampling.frames
    if sampling.max_clips is not None:
        interval = max(interval, ceil(length / (sampling.max_clips * n)))
    if sampling.balance:
        clips = ceil(length / (interval * n))
        interval = ceil(length / (clips * n))
    return interval


def sample_clips(length: int, fps: float, sampling: Sampling) -> tuple[Clip, ...]:
    """Divide ``length`` frames into clips of N frames sampled every S frames.

    Clip ``t`` covers ``[t*S*N, min((t+1)*S*N, length))`` and samples every S-th frame from its start, so the last
    clip may hold fewer than N. A video shorter than S is one clip with one frame. ``whole`` makes one clip of it all,
    with N frames spread evenly.

    Raises:
        ValueError: the video has no frames.
    """
    if length < 1:
        raise ValueError("a video needs at least one frame")
    if sampling.whole:
        return (Clip(0, 0, length, spread(0, length, sampling.frames)),)
    interval = interval_of(length, fps, sampling)
    span = interval * sampling.frames
    clips: list[Clip] = []
    for start in range(0, length, span):
        stop = min(start + span, length)
        frames = tuple(range(start, stop, interval))
        if len(frames) == 1 and sampling.drop_single:
            continue
        clips.append(Clip(len(clips), start, stop, frames))
    return tuple(clips)


def fixed_clip(length: int, which: Literal["first", "middle", "last"], frames: int) -> tuple[Clip, int]:
    """The whole video as one clip, and its first, middle or last frame (the rule-based rows of Table 5).

    The clip's other sampled frames are spread evenly, for context.
    """
    pivot = {"first": 0, "middle": (length - 1) // 2, "last": length - 1}[which]
    shown = set(spread(0, length, frames))
    if pivot not in shown:
        shown.remove(min(shown, key=lambda frame: abs(frame - pivot)))
        shown.add(pivot)
    return Clip(0, 0, length, tuple(sorted(shown))), pivot


def spread(start: int, stop: int, frames: int) -> tuple[int, ...]:
    """So many frames of ``[start, stop)`` at even distances, its first and last among them; all if there are fewer."""
    last = stop - 1 - start
    return tuple(sorted({start + round(k * last / max(1, frames - 1)) for k in range(frames)}))
