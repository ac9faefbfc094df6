"""A sound stream decoded to mono 16 kHz on its own clock: gaps become silence, damage does not end it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from alref_local.errors import MediaError
from alref_local.media.container import open_container, packets

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

__all__ = ["NO_SOUND", "RATE", "Samples", "frames", "mono", "silence", "sound_stream"]

RATE: Final = 16_000
"""Samples per second."""

NO_SOUND: Final = "Name a sound file with --audio, or say in words what to segment."

_GAP = 0.1  # seconds by which stamps may stray from the count of samples before they are believed

Samples = NDArray[np.float32]


def sound_stream(container: InputContainer, path: Path) -> AudioStream:
    """The track that FFmpeg deems best, as players do.

    Raises:
        MediaError: there is none, or its codec is unknown.
    """
    stream = container.streams.best("audio")
    if stream is None:
        raise MediaError(f"{path} has no sound track.", hint=NO_SOUND)
    if stream.codec_context is None:
        raise MediaError(f"The sound codec of {path} is not known here.", hint="Convert it to WAV or FLAC.")
    return cast("AudioStream", stream)


def frames(path: Path) -> Iterator[AudioFrame]:
    """Every frame that can be decoded; damaged packets are passed over."""
    import av

    with open_container(path, sound=True) as container:
        stream = sound_stream(container, path)
        for packet in _then_none(packets(container, stream)):
            try:
                found = stream.codec_context.decode(packet)
            except (av.FFmpegError, OSError):
                continue
            yield from (frame for frame in found if frame.samples and frame.sample_rate)


def mono(path: Path) -> Iterator[Samples]:
    """float32 ``(n,)`` pieces in [-1, 1] from the first decoded sample on, the mean of all channels.

    Where stamps jump forward there is silence for as long, so that later sound keeps its place; where they jump
    back (two recordings glued together) the sound just goes on.
    """
    due: float | None = None  # seconds at which the next frame should begin
    voice: _Voice | None = None
    for frame in frames(path):
        stamp = frame.time or 0.0
        due = stamp if due is None else due
        late = stamp - due > _GAP
        if voice is not None and (late or not voice.suits(frame)):
            yield from voice.rest()
            voice = None
        if late:
            yield from silence(round((stamp - due) * RATE))
            due = stamp
        voice = voice or _Voice(frame)
        yield from voice.say(frame)
        due += frame.samples / frame.sample_rate
    if voice is not None:
        yield from voice.rest()


def silence(samples: int) -> Iterator[Samples]:
    """So many zeros, in pieces of ten seconds; none if negative."""
    for begin in range(0, samples, 10 * RATE):
        yield np.zeros(min(10 * RATE, samples - begin), np.float32)


class _Voice:
    """Resamples frames of one rate, layout and format. Channels are averaged, which cannot overflow."""

    def __init__(self, frame: AudioFrame) -> None:
        from av.audio.resampler import AudioResampler

        self._kind = _kind(frame)
        self._resampler = AudioResampler(format="flt", layout=frame.layout, rate=RATE)

    def suits(self, frame: AudioFrame) -> bool:
        return _kind(frame) == self._kind

    def say(self, frame: AudioFrame | None) -> Iterator[Samples]:
        if frame is not None:
            frame.pts = None  # gaps are seen to before this
        for resampled in self._resampler.resample(frame):
            channels = resampled.to_ndarray().reshape(-1, resampled.layout.nb_channels)
            finite = np.nan_to_num(channels, posinf=0.0, neginf=0.0)
            if len(finite):
                yield np.clip(finite.mean(axis=1, dtype=np.float64), -1, 1).astype(np.float32)

    def rest(self) -> Iterator[Samples]:
        """What the filter still holds."""
        return self.say(None)


def _kind(frame: AudioFrame) -> tuple[int, str, str]:
    return frame.sample_rate, frame.layout.name, frame.format.name


def _then_none(source: Iterator[Packet[Any]]) -> Iterator[Packet[Any] | None]:
    """The packets, then what makes a decoder give the rest."""
    yield from source
    yield None
