"""Little sounds made on the spot: a tone of 440 Hz in every sort of file."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media.media_kit import picture

TONE = 440.0
LEVEL = 0.5


class Format(NamedTuple):
    """How to write a sound."""

    name: str
    codec: str
    rate: int = 48_000
    layout: str = "stereo"


def tone(seconds: float, rate: int) -> NDArray[np.float64]:
    """``(n,)`` a sine at half of full scale."""
    return LEVEL * np.sin(2 * np.pi * TONE * np.arange(round(seconds * rate)) / rate)


def write_wave(path: Path, seconds: float, *, rate: int = 16_000, bits: int = 16, channels: int = 1) -> Path:
    """A plain WAV of 8, 16, 24 or 32 bits."""
    samples = np.repeat(tone(seconds, rate), channels)
    if bits == 8:
        data = np.rint(samples * 127 + 128).astype(np.uint8).tobytes()
    else:
        whole = np.rint(samples * (2 ** (bits - 1) - 1)).astype("<i4")
        data = whole.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    with wave.open(str(path), "wb") as sink:
        sink.setnchannels(channels)
        sink.setsampwidth(bits // 8)
        sink.setframerate(rate)
        sink.writeframes(data)
    return path


def write_sound(
    path: Path,
    form: Format,
    samples: NDArray[np.float64],
    *,
    at: float = 0.0,
    pictures: int = 0,
    skip: tuple[int, int] | None = None,
    jump: float = 0.0,
) -> Path:
    """The samples in all channels, ``at`` seconds after the first of so many ``pictures`` at 10 per second.

    Frames of 1,024 samples whose number lies in ``skip`` are left out, their place in time stays; the later
    half comes ``jump`` seconds late.
    """
    try:
        av.Codec(form.codec, "w")
    except ValueError:
        pytest.skip(f"this FFmpeg cannot encode {form.codec}")
    with av.open(str(path), "w") as sink:
        video: Any = sink.add_stream("mpeg4", rate=10) if pictures else None
        if video is not None:
            video.height, video.width, video.pix_fmt = 32, 48, "yuv420p"
        stream: Any = sink.add_stream(
            form.codec, rate=form.rate, layout=form.layout, options={"strict": "-2"}, bit_rate=128_000
        )
        stream.codec_context.time_base = Fraction(1, form.rate)
        for number in range(pictures):
            sink.mux(video.encode(av.VideoFrame.from_ndarray(picture(number, 32, 48), format="rgb24")))
        if video is not None:
            sink.mux(video.encode())
        for number, begin in enumerate(range(0, len(samples), 1_024)):
            if skip is None or not skip[0] <= number < skip[1]:
                delay = at + (jump if begin > len(samples) // 2 else 0)
                sink.mux(stream.encode(_frame(samples[begin : begin + 1_024], form, delay, begin)))
        sink.mux(stream.encode())
    return path


def _frame(samples: NDArray[np.float64], form: Format, at: float, begin: int) -> av.AudioFrame:
    channels = av.AudioLayout(form.layout).nb_channels
    packed = np.repeat(samples.astype(np.float32), channels)[None]
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=form.layout)
    frame.sample_rate, frame.time_base = form.rate, Fraction(1, form.rate)
    frame.pts = round(at * form.rate) + begin
    return frame


def pitch_of(samples: NDArray[np.float32]) -> float:
    """The strongest frequency, in Hz."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * 16_000 / len(samples))
