"""Pictures and sound in, pictures out: videos, frame folders, tracks, strips for the backend, overlays for people."""

from __future__ import annotations

from pathlib import Path

from alref_local.media.audio import Audio, AudioWindow, has_audio, open_audio
from alref_local.media.encode import VideoWriter, write_video
from alref_local.media.folder import FrameFolder, is_image, read_image
from alref_local.media.overlay import OverlayWriter, cutout, draw, track_colour
from alref_local.media.reader import Reader
from alref_local.media.strip import BOX_COLOUR_NAMES, Panel, strip
from alref_local.media.video import VideoFile
from alref_local.media.window import Window

__all__ = [
    "BOX_COLOUR_NAMES",
    "Audio",
    "AudioWindow",
    "FrameFolder",
    "OverlayWriter",
    "Panel",
    "Reader",
    "VideoFile",
    "VideoWriter",
    "Window",
    "cutout",
    "draw",
    "has_audio",
    "open_audio",
    "open_video",
    "read_image",
    "strip",
    "track_colour",
    "write_video",
]


def open_video(
    path: str | Path,
    *,
    start: float | None = None,
    end: float | None = None,
    every: int = 1,
    fps: float | None = None,
) -> Reader:
    """Open a video file, a folder of frames, or one image; use it as a context manager.

    Args:
        path: mp4, mov, mkv, webm, avi, ts, gif... file, folder of jpg, png or webp frames, or an image.
        start: leave out what comes before, in seconds.
        end: leave out what comes from here on, in seconds.
        every: take every N-th frame.
        fps: frame rate of a frame folder (default 24); a video file knows its own.

    Raises:
        MediaError: the source cannot be read, or nothing is left of it.
        ConfigError: ``every``, ``end`` or ``fps`` makes no sense.
    """
    path = Path(path)
    source: Reader
    if path.is_dir() or is_image(path):
        source = FrameFolder(path) if fps is None else FrameFolder(path, fps=fps)
    else:
        source = VideoFile(path)
    if start is None and end is None and every == 1:
        return source
    try:
        return Window(source, start=start, end=end, every=every)
    except BaseException:
        source.close()
        raise
