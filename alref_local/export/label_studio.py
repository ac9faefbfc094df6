"""Label Studio's tasks with predictions: brush masks on frames, or boxes through a video.

Its masks are of images and its tracks are of boxes: there is no form for a mask track.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any
from xml.sax.saxutils import quoteattr

from alref_local import masks
from alref_local.errors import ConfigError
from alref_local.export.brush import brush_rle
from alref_local.export.footage import Footage, Owned

__all__ = ["brush_config", "brush_tasks", "video_config", "video_tasks"]


def brush_tasks(videos: Iterable[Footage], prefix: str) -> Iterator[dict[str, Any]]:
    """A task for each frame.

    Args:
        videos: what to write.
        prefix: what stands before every file name, as ``/data/local-files/?d=frames/``.
    """
    for video in videos:
        height, width = video.size
        shape: dict[str, Any] = {"from_name": "mask", "to_name": "image", "type": "brushlabels"}
        shape |= {"original_width": width, "original_height": height, "image_rotation": 0}
        for frame, (number, file) in enumerate(zip(video.numbers, video.files, strict=True)):
            found = []
            for at, owned in enumerate(video.tracks):
                if masks.area(rle := owned.track.masks[frame]):
                    value = {
                        "format": "rle",
                        "rle": brush_rle(masks.decode(rle)),
                        "brushlabels": [owned.label],
                    }
                    score = round(owned.track.scores[frame], 6)
                    found.append({"id": f"{owned.reference}-{at}", "value": value, "score": score} | shape)
            data = {"image": f"{prefix}{video.name}/{file}", "video": video.name, "frame": number}
            yield _task(data, found)


def video_tasks(videos: Iterable[Footage], prefix: str) -> Iterator[dict[str, Any]]:
    """A task for each video file; arguments as those of `brush_tasks`.

    Raises:
        ConfigError: a run was made from a folder of frames.
    """
    for video in videos:
        if not video.is_video:
            raise ConfigError(
                f"{video.name} was segmented from a folder of frames, and Label Studio tracks boxes in video files.",
                hint="Take --format label-studio, which gives the frames their masks.",
            )
        length, fps = video.numbers[-1] + 1, video.fps
        found = [
            {
                "id": f"{owned.reference}-{at}",
                "from_name": "box",
                "to_name": "video",
                "type": "videorectangle",
                "value": {
                    "framesCount": length,
                    "duration": round(length / fps, 6),
                    "sequence": list(_sequence(video, owned)),
                    "labels": [owned.label],
                },
            }
            for at, owned in enumerate(video.tracks)
        ]
        yield _task({"video": f"{prefix}{video.source.name}"}, found)


def brush_config(labels: Iterable[str]) -> str:
    """The labelling interface of `brush_tasks`."""
    return f"""<View>
  <Image name="image" value="$image" zoom="true"/>
  <BrushLabels name="mask" toName="image">
{_labels(labels)}
  </BrushLabels>
</View>
"""


def video_config(labels: Iterable[str]) -> str:
    """The labelling interface of `video_tasks`."""
    return f"""<View>
  <Video name="video" value="$video"/>
  <VideoRectangle name="box" toName="video"/>
  <Labels name="label" toName="video">
{_labels(labels)}
  </Labels>
</View>
"""


def _sequence(video: Footage, owned: Owned) -> Iterator[dict[str, Any]]:
    """A key frame wherever the object is seen, in percent of the picture; the last one before a gap ends it."""
    height, width = video.size
    boxes = [masks.box(rle) for rle in owned.track.masks]
    for at, box in enumerate(boxes):
        if box is not None:
            number = video.numbers[at]
            yield {
                "frame": number + 1,
                "time": round(number / video.fps, 6),
                "x": 100 * box.x0 / width,
                "y": 100 * box.y0 / height,
                "width": 100 * (box.x1 - box.x0) / width,
                "height": 100 * (box.y1 - box.y0) / height,
                "rotation": 0,
                "enabled": at + 1 < len(boxes) and boxes[at + 1] is not None,
            }


def _task(data: dict[str, Any], found: list[dict[str, Any]]) -> dict[str, Any]:
    model = f"alref-local {version('alref-local')}"
    return {"data": data, "predictions": [{"model_version": model, "result": found}]}


def _labels(labels: Iterable[str]) -> str:
    return "\n".join(f"    <Label value={quoteattr(label)}/>" for label in dict.fromkeys(labels))
