"""A run, several, or a whole evaluation into one folder, in a published form of annotations."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from PIL import Image

from alref_local.errors import ConfigError, MediaError
from alref_local.export.coco import coco, youtube_vis
from alref_local.export.cvat import cvat_xml, labels
from alref_local.export.footage import Footage, footage
from alref_local.export.label_studio import brush_config, brush_tasks, video_config, video_tasks
from alref_local.files import write_bytes
from alref_local.media import open_video

__all__ = ["FORMATS", "Exported", "export"]

_QUALITY = 95

Files = Iterator[tuple[str, bytes]]
"""Names of files and what is in them."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: annotation files, and how many frames as pictures."""

    files: tuple[Path, ...]
    videos: int
    frames: int


def export(run: Path, out: Path, form: str, *, prefix: str = "", frames: bool = False) -> Exported:
    """Write the masks of a run folder, of several, or of an evaluation.

    Args:
        run: the folder.
        out: another one.
        form: one of `FORMATS`.
        prefix: what stands before the file names of frames in the annotations.
        frames: whether to write the frames, too, as ``images/VIDEO/FRAME.jpg``.

    Raises:
        ConfigError: there is no such form or run, or the folder cannot be written.
        MediaError: frames are asked for, and the video is not there any more.
    """
    if form not in FORMATS:
        raise ConfigError(f"There is no form '{form[:60]}'.", hint=f"There are {', '.join(FORMATS)}.")
    videos = list(footage(run))
    written = []
    for name, data in FORMATS[form](videos, prefix):
        write_bytes(out / name, data)
        written.append(out / name)
    pictures = sum(_write_frames(video, out / "images" / video.name) for video in videos) if frames else 0
    return Exported(tuple(written), len(videos), pictures)


def _coco(videos: Iterable[Footage], prefix: str) -> Files:
    yield "annotations.json", _json(coco(videos, prefix))


def _youtube_vis(videos: Iterable[Footage], prefix: str) -> Files:
    yield "annotations.json", _json(youtube_vis(videos, prefix))


def _cvat(videos: Iterable[Footage], prefix: str) -> Files:
    """A task of CVAT is one video."""
    for video in videos:
        yield f"{video.name}.xml", cvat_xml(video, prefix)
        yield f"{video.name}.labels.json", _json(labels(video))


def _brush(videos: Iterable[Footage], prefix: str) -> Files:
    yield "tasks.json", _json(list(brush_tasks(videos, prefix)))
    yield "labels.xml", brush_config(_sentences(videos)).encode()


def _video(videos: Iterable[Footage], prefix: str) -> Files:
    yield "tasks.json", _json(list(video_tasks(videos, prefix)))
    yield "labels.xml", video_config(_sentences(videos)).encode()


FORMATS: Final[dict[str, Callable[[Iterable[Footage], str], Files]]] = {
    "coco": _coco,
    "youtube-vis": _youtube_vis,
    "cvat": _cvat,
    "label-studio": _brush,
    "label-studio-video": _video,
}


def _sentences(videos: Iterable[Footage]) -> Iterator[str]:
    return chain.from_iterable((owned.label for owned in video.tracks) for video in videos)


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()


def _write_frames(video: Footage, folder: Path) -> int:
    """Copy a folder of frames, or write those of a video as JPEG."""
    count = len(video.files)
    if video.source.is_dir():
        for file in video.files:
            if not (video.source / file).is_file():
                raise _changed(video)
            write_bytes(folder / file, (video.source / file).read_bytes())
        return count
    with open_video(video.source, **(video.run.manifest.get("window") or {})) as reader:
        if len(reader) != count:
            raise _changed(video)
        for index, image in reader.stream():
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
            write_bytes(folder / video.files[index], buffer.getvalue())
    return count


def _changed(video: Footage) -> MediaError:
    return MediaError(
        f"{video.source} has not the {len(video.files)} frames any more that were segmented.",
        hint="Leave --frames out, and name the frames as the annotations do.",
    )
