"""How a video is listened to: in windows of some ten seconds, joined to stretches with one LBRU question each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.select.sampling import spread
from alref_local.settings import Settings
from alref_local.types import Clip, Spans

if TYPE_CHECKING:
    from alref_local.media.audio import Audio

__all__ = ["Hearing", "Listening", "Stretch", "listening"]


class Hearing(NamedTuple):
    """A sound to be listened to, when in it the video begins, and the video's sound events if they are known.

    All in seconds: ``start`` of the sound, ``events`` of the video.
    """

    audio: Audio
    start: float = 0.0
    events: Spans = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds ``[start, stop)`` of the video, and the frames that are looked at in them, as a clip."""

    start: float
    stop: float
    clip: Clip


@dataclass(frozen=True, slots=True)
class Listening:
    """The plan: windows of ``window`` seconds are tagged one by one, and every stretch is one or several of them."""

    window: float
    stretches: tuple[Stretch, ...]

    @property
    def stop(self) -> float:
        """Seconds of the video."""
        return self.stretches[-1].stop

    def stretch_at(self, seconds: float) -> int:
        """Number of the stretch in which a window lies that begins at ``seconds``."""
        middle = min(seconds + self.window / 2, self.stop)
        return next(number for number, one in enumerate(self.stretches) if middle <= one.stop)


def listening(times: NDArray[np.float64], fps: float, settings: Settings) -> Listening:
    """Divide a video into equal windows as near as can be to ``sound.window``, so that none is a mere rest.

    Args:
        times: ``(n,)`` seconds of its frames, rising from 0.
        fps: frames per second, by which the last frame lasts.
        settings: ``sound`` says how long windows are and how many questions there may be, ``sampling`` how many
            frames of a stretch are looked at.
    """
    duration = float(times[-1]) + 1 / fps
    windows = max(1, round(duration / settings.sound.window))
    count = min(windows, settings.sound.max_windows or windows)
    edges = [round(number * windows / count) * duration / windows for number in range(count + 1)]
    edges[-1] = duration
    starts = [0, *np.searchsorted(times, edges[1:-1]).tolist(), len(times)]
    return Listening(
        duration / windows,
        tuple(
            Stretch(edges[number], edges[number + 1], _clip(number, starts, settings.sampling.frames))
            for number in range(count)
        ),
    )


def _clip(number: int, starts: list[int], frames: int) -> Clip:
    """A stretch without a frame of its own (videos may hold a picture for long) shows the one before."""
    start, stop = starts[number], starts[number + 1]
    first = min(start, stop - 1)
    return Clip(number, first, max(stop, first + 1), spread(first, max(stop, first + 1), frames))
