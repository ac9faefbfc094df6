"""Opening a video file safely, and knowing all its frames by reading packets, without decoding them."""

from __future__ import annotations

import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alref_local.errors import MediaError
from alref_local.media.reader import MAX_FRAMES, MAX_PIXELS

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

__all__ = ["NO_STAMP", "Index", "index_of", "open_container", "packets", "video_stream"]

_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,gif"
"""Demuxers that hold their own pictures. Playlists, scripts and devices (hls, concat, sdp, image2) can make a
file name other files or hosts, so they are refused before they read a byte."""

_SOUNDS = "wav,w64,mp3,flac,aac,aiff,au,caf,ac3,eac3,amr"
"""Demuxers of bare sound, allowed beside the containers where sound is asked for."""

NO_STAMP = -(2**63)
_CUT_OFF = 0.5  # seconds by which a file may be shorter than its header says before we speak of it


@dataclass(frozen=True, slots=True)
class Index:
    """Every frame of a video stream in display order, and the keys: places where decoding can start.

    Attributes:
        times: ``(n,)`` float64 seconds, rising from 0.
        stamps: ``(n,)`` int64 presentation stamps, rising; None if the container's cannot be trusted: then
            frames are counted from the start of the file.
        order: ``(n,)`` number of each frame's packet in the file.
        keys: ``(k,)`` frame number of each key, rising; the first, 0, stands for the start of the file.
        key_packets: ``(k,)`` number of each key's packet.
        key_stamps: ``(k, 2)`` presentation and decoding stamp of each key's packet (or ``NO_STAMP``).
        fps: average frames per second.
        complaint: what is missing at the end of the file, empty if nothing.
    """

    times: NDArray[np.float64]
    stamps: NDArray[np.int64] | None
    order: NDArray[np.int64]
    keys: NDArray[np.int64]
    key_packets: NDArray[np.int64]
    key_stamps: NDArray[np.int64]
    fps: float
    complaint: str

    def segment(self, frame: int) -> int:
        """Number of the last key at or before a frame."""
        return int(np.searchsorted(self.keys, frame, side="right")) - 1

    def frame_at(self, stamp: int | None) -> int | None:
        """The frame with a presentation stamp, or None."""
        if self.stamps is None or stamp is None:
            return None
        place = int(np.searchsorted(self.stamps, stamp))
        return place if place < len(self.stamps) and self.stamps[place] == stamp else None


def open_container(path: Path, *, sound: bool = False) -> InputContainer:
    """Open a regular local file, a video or (``sound``) whatever can hold sound, and nothing that it refers to.

    Raises:
        MediaError: missing, not a regular file, empty, or not such a container.
    """
    import av

    wanted = "a sound or video file" if sound else "a video file or a folder of frames"
    formats = f"{_CONTAINERS},{_SOUNDS}" if sound else _CONTAINERS
    try:
        mode, size = path.stat().st_mode, path.stat().st_size
        if not stat.S_ISREG(mode):
            raise MediaError(f"{path} is not a regular file.", hint=f"Name {wanted}.")
        if size == 0:
            raise MediaError(f"The file {path} is empty.", hint="Copy or download it again.")
        return av.open(
            f"file:{path.absolute()}",
            options={"protocol_whitelist": "file", "format_whitelist": formats},
            metadata_errors="ignore",
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MediaError(f"There is no file {path}.", hint="Check the name.") from error
    except PermissionError as error:
        raise MediaError(f"The file {path} may not be read.", hint="Check its permissions.") from error
    except (av.FFmpegError, OSError) as error:
        if sound:
            raise MediaError(
                f"{path} holds no readable sound.", hint="Sounds are wav, flac, mp3, ogg, m4a or video files."
            ) from error
        raise MediaError(
            f"{path} is not a readable video.",
            hint="Videos are mp4, mov, mkv, webm, avi, ts files or frame folders.",
        ) from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first stream of moving pictures (cover art is none), ready to decode on a few threads.

    Raises:
        MediaError: there is none, its codec is unknown, or its pictures are above ``MAX_PIXELS``.
    """
    from av.stream import Disposition

    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        raise MediaError(f"{path} holds no video stream.", hint="It may hold sound only.")
    stream = moving[0]
    if stream.codec_context is None:
        raise MediaError(f"The video codec of {path} is not known here.", hint="Convert it to H.264.")
    if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
        raise MediaError(
            f"The frames of {path} have more than {MAX_PIXELS // 1_000_000} megapixels.",
            hint="Scale it down first.",
        )
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = 4  # every thread holds frames: more would cost memory on large hosts
    return stream


def packets(
    container: InputContainer, stream: VideoStream | AudioStream | None = None
) -> Iterator[Packet[Any]]:
    """The packets from here to the end of the file or to where it breaks (all streams if none is named)."""
    import av

    try:
        for packet in container.demux() if stream is None else container.demux(stream):
            if packet.size:
                yield packet
    except (av.FFmpegError, OSError):
        return


def index_of(container: InputContainer, stream: VideoStream, path: Path) -> Index:
    """Read all packets once and number the frames.

    Raises:
        MediaError: there are none, or more than ``MAX_FRAMES``.
    """
    pts, dts, keys = array("q"), array("q"), bytearray()
    seen, end = 0, 0.0
    for packet in packets(container):
        if packet.pts is not None and packet.time_base is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index != stream.index:
            continue
        seen += 1
        if seen > MAX_FRAMES:
            raise MediaError(
                f"{path} has more than {MAX_FRAMES:,} frames.", hint="Cut it into shorter files."
            )
        if not packet.is_discard:
            pts.append(NO_STAMP if packet.pts is None else packet.pts)
            dts.append(NO_STAMP if packet.dts is None else packet.dts)
            keys.append(packet.is_keyframe)
    if not pts:
        raise MediaError(f"{path} holds no frames.", hint="It may be damaged: copy or download it again.")
    stamps = np.stack([np.array(pts, np.int64), np.array(dts, np.int64)], axis=1)
    return _numbered(stamps, np.array(keys, bool), stream, _complaint(container, stream, seen, end))


def _numbered(
    stamps: NDArray[np.int64], is_key: NDArray[np.bool_], stream: VideoStream, complaint: str
) -> Index:
    """Order packets, given ``(n, 2)`` presentation and decoding stamps in file order, by presentation."""
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    pts = stamps[:, 0]
    packet = np.arange(len(pts))
    # AVI stores no display order: with H.264 B-frames its stamps just rise, and only counting is exact.
    reorders = stream.container.format.name == "avi" and stream.codec_context.has_b_frames
    guessed = reorders and bool((np.diff(pts) > 0).all())
    if guessed or NO_STAMP in pts or len(np.unique(pts)) < len(pts):
        nowhere = np.full((1, 2), NO_STAMP)
        return Index(packet / rate, None, packet, packet[:1], packet[:1], nowhere, rate, complaint)
    order = np.argsort(pts)
    shown = np.empty_like(order)
    shown[order] = packet
    key_packets = np.flatnonzero(is_key & (shown > 0))
    key_packets = np.concatenate([[0], key_packets[np.argsort(shown[key_packets])]])
    keys = shown[key_packets]
    keys[0] = 0
    times = (pts[order] - pts.min()) * float(stream.time_base or Fraction(1, 1000))
    if len(times) > 1 and abs((measured := (len(times) - 1) / times[-1]) / rate - 1) > 0.01:
        rate = float(measured)
    return Index(times, pts[order], order, keys, key_packets, stamps[key_packets], rate, complaint)


def _complaint(container: InputContainer, stream: VideoStream, seen: int, end: float) -> str:
    """Whether the file holds what its header promises; only some containers promise anything reliable."""
    if container.format.name.startswith("mov") and stream.frames > seen:
        return f"only {seen} of {stream.frames} frames are there"
    promised = ((container.duration or 0) + (container.start_time or 0)) / 1_000_000
    if container.format.name.startswith("matroska") and promised - end > _CUT_OFF:
        return f"it ends at {end:.1f} of {promised:.1f} s"
    return ""
