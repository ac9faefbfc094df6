"""Sound in: the track of a video or a sound file as windows of mono 16 kHz samples, in flat memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from alref_local.errors import MediaError
from alref_local.media.container import open_container, packets
from alref_local.media.folder import is_image
from alref_local.media.samples import NO_SOUND, RATE, Samples, frames, mono, silence, sound_stream

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

__all__ = ["MAX_HOURS", "RATE", "Audio", "AudioWindow", "has_audio", "open_audio"]

MAX_HOURS: Final = 12
"""Hours that one sound may last: what bounds the silence that damaged time stamps can ask for."""

_REST = 1.0  # seconds that a last window must have to stand alone
_CUT_OFF = 0.5  # seconds by which a file may be shorter than its header says before we speak of it
_HONEST = ("mov", "matroska")  # containers whose headers know how long they are


class AudioWindow(NamedTuple):
    """``samples`` float32 ``(n,)`` in [-1, 1] from ``start``, in seconds on the video's clock."""

    start: float
    samples: Samples


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound that can be read; no file is held open between readings.

    Attributes:
        path: the file.
        duration: seconds from its first sample to its last.
        offset: seconds of its first sample after the first frame of the same file's video; 0 without video.
        warning: one sentence if the file is shorter than it promises, else empty.
    """

    path: Path
    duration: float
    offset: float
    warning: str = ""

    def windows(
        self, seconds: float = 10.0, *, start: float = 0.0, stop: float | None = None
    ) -> Iterator[AudioWindow]:
        """The sound from ``start`` to ``stop`` (None: its end), piece by piece without overlap.

        Times are on the video's clock: where the track begins late or leaves gaps there is silence, and what
        sounds before ``start`` is left out. The last window takes a rest of under a second along, and a sound
        shorter than one window is one shorter window: nothing is padded at the end.

        Raises:
            MediaError: nothing of the sound lies between ``start`` and ``stop``.
        """
        size, rest, place, told = round(seconds * RATE), round(_REST * RATE), 0, False
        held: list[Samples] = []
        count = 0
        for piece in self._between(start, stop):
            held.append(piece)
            count += len(piece)
            while count >= size + rest:
                joined = np.concatenate(held)
                yield AudioWindow(start + place / RATE, joined[:size])
                held, count, place, told = [joined[size:]], count - size, place + size, True
        if count:
            yield AudioWindow(start + place / RATE, np.concatenate(held))
        elif not told:
            raise MediaError(
                f"{self.path} has no sound within the video.",
                hint=f"It sounds from {self.offset:.1f} to {self.offset + self.duration:.1f} s.",
            )

    def _between(self, start: float, stop: float | None) -> Iterator[Samples]:
        """Samples from ``start`` on, without a gap, up to ``stop`` or the end."""
        skip = round((start - self.offset) * RATE)
        left = None if stop is None else max(0, round((stop - start) * RATE))
        for piece in chain(silence(-skip), mono(self.path)):
            dropped = min(max(skip, 0), len(piece))
            skip -= dropped
            wanted = piece[dropped:] if left is None else piece[dropped : dropped + left]
            if left is not None:
                left -= len(wanted)
            if len(wanted):
                yield wanted
            if left == 0:
                return


def has_audio(path: str | Path) -> bool:
    """Whether a file has a sound track; a folder of frames or an image has none.

    Raises:
        MediaError: the file cannot be read.
    """
    path = Path(path)
    if path.is_dir() or is_image(path):
        return False
    with open_container(path, sound=True) as container:
        return container.streams.best("audio") is not None


def open_audio(path: str | Path) -> Audio:
    """Find the sound of a video or sound file: any codec and layout that FFmpeg reads.

    All packets are read once, which tells the length, and the first frame is decoded. Of several tracks the one
    that FFmpeg deems best is taken, as players do.

    Raises:
        MediaError: the file cannot be read, has no sound, or lasts longer than ``MAX_HOURS``.
    """
    path = Path(path)
    with open_container(path, sound=True) as container:
        length = _measured(container, sound_stream(container, path))
    first = next(frames(path), None)
    if first is None:
        raise MediaError(f"No sound of {path} can be decoded.", hint=NO_SOUND)
    begin = first.time or 0.0
    duration = max(length.end - begin, first.samples / first.sample_rate)
    if duration > MAX_HOURS * 3600:
        raise MediaError(
            f"The sound of {path} lasts more than {MAX_HOURS} hours.", hint="Cut it into shorter files."
        )
    offset = begin - length.video_start if math.isfinite(length.video_start) else 0.0
    return Audio(path, duration, offset, _warning(path, length))


class _Length(NamedTuple):
    """Seconds on the container's clock: the sound's end, the video's start, the file's end, and the promised one."""

    end: float
    video_start: float  # infinite without video
    file_end: float
    promised: float


def _measured(container: InputContainer, stream: AudioStream) -> _Length:
    """Read all packets of the file once; decode none."""
    from av.stream import Disposition

    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    video = moving[0].index if moving else None
    end, file_end, video_start = 0.0, 0.0, math.inf
    for packet in packets(container):
        lasts = float((packet.duration or 0) * packet.time_base)
        begins = end if packet.pts is None else float(packet.pts * packet.time_base)
        file_end = max(file_end, begins + lasts)
        if packet.stream_index == stream.index:
            end = max(end, begins + lasts)
        elif packet.stream_index == video and not packet.is_discard:
            video_start = min(video_start, begins)
    promised = 0.0
    if container.format.name.startswith(_HONEST):
        promised = ((container.duration or 0) + (container.start_time or 0)) / 1_000_000
    return _Length(end, video_start, file_end, promised)


def _warning(path: Path, length: _Length) -> str:
    if length.promised - length.file_end <= _CUT_OFF:
        return ""
    return f"{path.name} is cut off: it ends at {length.file_end:.1f} of {length.promised:.1f} s."
