"""The pictures of a run folder: ``overlay.mp4``, and cut-outs with alpha if asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from alref_local.masks import decode, union
from alref_local.media.overlay import OverlayWriter, cutout
from alref_local.runs.folder import RunFolder
from alref_local.seams import VideoReader
from alref_local.types import TargetResult

__all__ = ["write_overlay"]


def write_overlay(
    folder: RunFolder, video: VideoReader, results: Sequence[TargetResult], *, cutouts: bool = False
) -> None:
    """Decode the video once more and paint every track on it, labelled with its sentence."""
    found = [result for result in results if result.tracks]
    labels = {track.track_id: result.query.text for result in found for track in result.tracks}
    with OverlayWriter(folder.overlay_path, video.size, video.fps) as writer:
        for frame, image in video.stream():
            masks = {
                track.track_id: decode(track.masks[frame]) for result in found for track in result.tracks
            }
            writer.write(image, masks, labels)
            if cutouts:
                for result in found:
                    mask = decode(union([track.masks[frame] for track in result.tracks]))
                    folder.add_cutout(result.query.id, video.frame_name(frame), _png(cutout(image, mask)))


def _png(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
