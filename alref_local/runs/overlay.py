"""The pictures of a run folder: ``overlay.mp4``, and cut-outs with alpha if asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from alref_local.masks import decode, union
from alref_local.media.encode import is_even
from alref_local.media.overlay import OverlayWriter, cutout, track_colour
from alref_local.media.samples import Samples
from alref_local.media.timeline import Row, Timeline
from alref_local.runs.folder import RunFolder
from alref_local.seams import VideoReader
from alref_local.select.stretches import Hearing
from alref_local.types import TargetResult

__all__ = ["write_overlay"]

_UNSEEN = (150, 150, 150)
"""The colour of what sounds and has no mask."""


def write_overlay(
    folder: RunFolder,
    video: VideoReader,
    results: Sequence[TargetResult],
    *,
    cutouts: bool = False,
    hearing: Hearing | None = None,
) -> None:
    """Decode the video once more and paint every track on it, labelled with its name or sentence.

    Where a sound was listened to, it is the overlay's sound; where it is known what sounds when, a timeline shows it.
    """
    found = [result for result in results if result.tracks]
    labels = {track.track_id: _label(result) for result in found for track in result.tracks}
    times = video.timestamps()
    even, seconds = is_even(times, video.fps), float(times[-1]) + 1 / video.fps
    sound = None if hearing is None else _heard(hearing, seconds)
    timeline = _timeline(results, seconds, video.size[1])
    with OverlayWriter(folder.overlay_path, video.size, video.fps, sound=sound, timeline=timeline) as writer:
        for frame, image in video.stream():
            masks = {
                track.track_id: decode(track.masks[frame]) for result in found for track in result.tracks
            }
            writer.write(image, masks, labels, None if even else float(times[frame]))
            if cutouts:
                for result in found:
                    mask = decode(union([track.masks[frame] for track in result.tracks]))
                    folder.add_cutout(result.query.id, video.frame_name(frame), _png(cutout(image, mask)))


def _label(result: TargetResult) -> str:
    return result.query.category or result.query.text


def _heard(hearing: Hearing, seconds: float) -> Iterator[Samples]:
    windows = hearing.audio.windows(start=hearing.start, stop=hearing.start + seconds)
    return (window.samples for window in windows)


def _timeline(results: Sequence[TargetResult], seconds: float, width: int) -> Timeline | None:
    """A row for each thing or sentence of which it is known when it sounds; not for everything together."""
    rows = [
        Row(
            _label(result),
            track_colour(result.tracks[0].track_id) if result.tracks else _UNSEEN,
            result.sounding,
        )
        for result in results
        if result.sounding is not None and _label(result)
    ]
    return Timeline(rows, seconds, width) if rows else None


def _png(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
