"""Frames and sound to video files: H.264 that any browser plays, or lossless, whole or not there at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray

from alref_local.errors import MediaError, PrerequisiteError
from alref_local.media.samples import Samples
from alref_local.media.track import SoundTrack
from alref_local.types import Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = ["VideoWriter", "is_even", "write_video"]


class _Codec(NamedTuple):
    name: str
    pixels: str
    options: dict[str, str]


_PLAYABLE = _Codec("libx264", "yuv420p", {"crf": "20", "preset": "veryfast"})
_LOSSLESS = {
    ".mp4": _Codec("libx264rgb", "rgb24", {"qp": "0", "preset": "veryfast"}),
    ".mkv": _Codec("ffv1", "bgr0", {}),
}
_FORMATS = {".mp4": "mp4", ".mkv": "matroska"}
_CLOCK = 90_000  # ticks per second where frames have times of their own
_UNNOTICED = (
    0.02  # seconds by which a frame may be late: more than containers round, less than people see or hear
)
_LEAP = 3600.0  # seconds that one frame may be shown; beyond, the clock of its source is damaged


class VideoWriter:
    """Context manager that encodes frames to ``path`` (.mp4 or .mkv) through ``path.part``.

    The file takes its name when the block ends well and is removed when it does not. Playable files are
    yuv420p, BT.709, with their index in front; an odd side is padded by repeating its last row or column.

    Args:
        path: the file to write; its folder must exist.
        size: ``(height, width)`` of the frames.
        fps: frames per second; the average, where frames are given times.
        lossless: keep every pixel exactly (RGB H.264 in .mp4, FFV1 in .mkv); browsers do not play these.
        sound: float32 ``(n,)`` pieces of mono 16 kHz in [-1, 1] from the first frame on, read as frames are
            written and cut to them: AAC, or FLAC if ``lossless``.

    Raises:
        MediaError: the file cannot be written, or is named neither .mp4 nor .mkv.
        PrerequisiteError: the FFmpeg inside PyAV lacks the encoder.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: float,
        *,
        lossless: bool = False,
        sound: Iterable[Samples] | None = None,
    ) -> None:
        import av

        self.path = Path(path)
        self.size = size
        suffix = self.path.suffix.lower()
        if suffix not in _FORMATS:
            raise MediaError(f"{self.path} cannot be written as a video.", hint="Name it .mp4 or .mkv.")
        self._codec = _LOSSLESS[suffix] if lossless else _PLAYABLE
        self._part = self.path.with_name(self.path.name + ".part")
        try:
            av.Codec(self._codec.name, "w")
        except ValueError as error:
            raise PrerequisiteError(
                f"The FFmpeg inside PyAV cannot encode {self._codec.name}.",
                hint="pip install --force-reinstall av",
            ) from error
        with self._reported():
            faststart = {"movflags": "+faststart"} if suffix == ".mp4" else {}
            self._container = av.open(
                f"file:{self._part.absolute()}", "w", format=_FORMATS[suffix], options=faststart
            )
        rate = Fraction(fps).limit_denominator(60_000)
        stream = self._container.add_stream(self._codec.name, rate=rate, options=self._codec.options)
        self._stream = cast("VideoStream", stream)
        even = 1 if lossless else 2
        context = self._stream.codec_context
        context.height, context.width = (side + side % even for side in size)
        context.pix_fmt = self._codec.pixels
        context.thread_count = 4
        if not lossless:
            context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
            context.color_range = 1  # limited
        self._rate, self._written, self._tick = rate, 0, -1
        self._sound = None if sound is None else SoundTrack(self._container, sound, lossless=lossless)

    def write(self, frame: Image, time: float | None = None) -> None:
        """Append one ``(H, W, 3)`` uint8 RGB frame of the size that was announced.

        ``time``: when it is shown, in seconds from the first frame; for all frames of a video whose rate varies, or
        for none.
        """
        if frame.shape != (*self.size, 3):
            raise ValueError(f"frame of shape {frame.shape} in a video of size {self.size}")
        with self._reported():
            picture = self._converted(frame)
            if time is not None:
                self._stamp(picture, time)
            self._container.mux(self._stream.encode(picture))
            self._written += 1
            if self._sound is not None:
                self._sound.until(
                    float(self._written / self._rate if time is None else time + 1 / self._rate)
                )

    def _stamp(self, picture: VideoFrame, time: float) -> None:
        clock = Fraction(1, _CLOCK)
        if not self._written:
            self._stream.codec_context.time_base = clock
        self._tick = max(round(time * _CLOCK), self._tick + 1)  # the encoder takes no two frames at once
        picture.pts, picture.time_base = self._tick, clock

    def _converted(self, frame: Image) -> VideoFrame:
        import av

        height, width = self.size
        padding = ((0, self._stream.height - height), (0, self._stream.width - width), (0, 0))
        padded = np.pad(frame, padding, mode="edge") if np.any(padding) else np.ascontiguousarray(frame)
        picture = av.VideoFrame.from_ndarray(padded, format="rgb24")
        colours = "ITU709" if self._codec is _PLAYABLE else None
        return picture.reformat(format=self._codec.pixels, dst_colorspace=colours, threads=1)

    def close(self) -> None:
        """Finish the file and give it its name."""
        with self._reported():
            self._container.mux(self._stream.encode())
            if self._sound is not None:
                self._sound.finish()
            self._container.close()
            self._part.replace(self.path)

    def discard(self) -> None:
        """Stop and leave nothing behind."""
        with contextlib.suppress(OSError, ValueError):
            self._container.close()
        self._part.unlink(missing_ok=True)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        import av

        try:
            yield
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or "unknown error"
            raise MediaError(
                f"The video {self.path} cannot be written ({reason.lower()}).",
                hint="Check that its folder exists, is writable and has room.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.discard()
            return
        try:
            self.close()
        except BaseException:
            self.discard()
            raise


def is_even(times: NDArray[np.float64], fps: float) -> bool:
    """Whether frames at a constant rate are in step with these times (rising from 0), or had better not be."""
    drift = np.abs(times - np.arange(len(times)) / fps)
    return bool(drift.max() <= _UNNOTICED or np.diff(times).max() > _LEAP)


def write_video(
    path: str | Path,
    frames: Iterable[Image],
    fps: float,
    *,
    lossless: bool = False,
    sound: Samples | None = None,
) -> None:
    """Write ``(H, W, 3)`` uint8 RGB frames, at least one, all of one size, as ``VideoWriter`` does.

    ``sound``: float32 ``(n,)`` mono 16 kHz in [-1, 1], or None for a video without a track.

    Raises:
        MediaError: there are no frames, or the file cannot be written.
        PrerequisiteError: the encoder is missing.
    """
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise MediaError(f"There are no frames to write to {path}.", hint="A video has at least one.")
    size = (first.shape[0], first.shape[1])
    pieces = None if sound is None else [sound]
    with VideoWriter(path, size, fps, lossless=lossless, sound=pieces) as writer:
        writer.write(first)
        for frame in rest:
            writer.write(frame)
