"""One decoder moving through one video file: forward cheaply, elsewhere through the nearest keyframe."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alref_local.errors import MediaError
from alref_local.media.container import NO_STAMP, Index, index_of, open_container, packets, video_stream
from alref_local.types import Image

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

__all__ = ["Cursor"]

_WALK = 8  # frames to decode on rather than seek, which drains and refills the decoder's threads
_TRIES = 4  # keys to seek to before reading the file from its start
_log = logging.getLogger(__name__)


class Cursor:
    """Decodes any frame of a file. Not for two threads at once; a file may have several cursors.

    A damaged stretch inside the file shows the last good frame before it.
    """

    def __init__(self, path: Path, index: Index | None = None) -> None:
        from av.video.reformatter import VideoReformatter

        self._path = path
        self._converter = VideoReformatter()
        self._open()
        self.index = index or index_of(self._container, self._stream, path)
        self._frames: Iterator[tuple[int, VideoFrame]] = iter(())
        self._held: tuple[int, VideoFrame] | None = None  # last frame at or before the place asked for
        self._ahead: tuple[int, VideoFrame] | None = None  # the one decoded after it, if already known
        self._told = False

    def _open(self) -> None:
        self._container = open_container(self._path)
        self._stream = video_stream(self._container, self._path)

    def read(self, frame: int) -> VideoFrame:
        """The decoded frame with this number.

        Raises:
            MediaError: neither this frame nor any before it can be decoded.
        """
        home = self.index.segment(frame)
        for segment in range(home, -1, -1):
            if segment < home or not self._near(frame, home):
                self._frames, self._held, self._ahead = self.decode_from(segment), None, None
            self._advance(frame)
            if self._held is not None:
                if self._held[0] != frame and not self._told:
                    self._told = True
                    _log.warning("%s is damaged at frame %d: the frame before stands in.", self._path, frame)
                return self._held[1]
        raise MediaError(
            f"Frame {frame} of {self._path} cannot be decoded.", hint="The file is damaged: copy it again."
        )

    def pixels(self, frame: int, width: int, height: int) -> Image:
        """The frame as ``(height, width, 3)`` uint8 RGB, scaled where it has another size, not yet turned."""
        # One thread: on frames of video size, handing slices to others costs more than converting them.
        converted = self._converter.reformat(self.read(frame), width, height, "rgb24", threads=1)
        return np.asarray(converted.to_ndarray(), np.uint8)

    def _near(self, frame: int, segment: int) -> bool:
        """Whether decoding on from here reaches the frame at least as soon as a seek."""
        if self._held is None or self._held[0] > frame:
            return False
        here = max(self._held[0], self._ahead[0] if self._ahead else 0)
        return here >= frame or frame - here <= _WALK or self.index.segment(here) >= segment

    def _advance(self, frame: int) -> None:
        while self._held is None or self._held[0] < frame:
            self._ahead = self._ahead or next(self._frames, None)
            if self._ahead is None or self._ahead[0] > frame:
                return
            self._held, self._ahead = self._ahead, None

    def decode_from(self, segment: int) -> Iterator[tuple[int, VideoFrame]]:
        """Yield ``(number, frame)`` in display order from a segment, or an earlier one, to the end."""
        for count, decoded in enumerate(self._decoded(self._seek(segment))):
            number = count if self.index.stamps is None else self.index.frame_at(decoded.pts)
            if number is not None and number < len(self.index.times):
                yield number, decoded

    def _decoded(self, source: Iterator[Packet[Any]]) -> Iterator[VideoFrame]:
        import av

        context = self._stream.codec_context
        for packet in source:
            try:
                yield from context.decode(packet)
            except (av.FFmpegError, OSError):  # one damaged packet does not end the video
                continue
        try:
            yield from context.decode(None)
        except (av.FFmpegError, OSError):
            return

    def _seek(self, segment: int) -> Iterator[Packet[Any]]:
        """Move to a key and return the packets from there; from an earlier one where the container cannot."""
        latest = int(self.index.key_packets[segment])
        for key in range(segment, max(-1, segment - _TRIES), -1):
            for stamp in self.index.key_stamps[key].tolist():
                if stamp != NO_STAMP and (found := self._landed(stamp, latest)) is not None:
                    return found
        self._container.close()
        self._open()
        return packets(self._container, self._stream)

    def _landed(self, stamp: int, latest: int) -> Iterator[Packet[Any]] | None:
        """Seek, and accept the place if decoding can start at or before packet number ``latest``."""
        import av

        try:
            self._container.seek(stamp, stream=self._stream)
        except (av.FFmpegError, OSError):
            return None
        source = packets(self._container, self._stream)
        for packet in source:
            if packet.is_keyframe:
                frame = self.index.frame_at(packet.pts)
                if frame is None or self.index.order[frame] > latest:
                    return None
                return _chain(packet, source)
        return None

    def close(self) -> None:
        """Release the file and the decoder."""
        self._frames, self._held, self._ahead = iter(()), None, None
        self._container.close()


def _chain(first: Packet[Any], rest: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    yield first
    yield from rest
