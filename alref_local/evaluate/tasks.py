"""From an item of a data set to a job for a worker: small, without its truth, with folders for names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alref_local.datasets import Dataset, Drawn, Item
from alref_local.errors import MediaError
from alref_local.evaluate.names import folder_names
from alref_local.jobs import Job, queries
from alref_local.media import write_video
from alref_local.media.folder import is_image
from alref_local.types import Query

__all__ = ["Task", "item_folder", "job", "query_ids", "tasks"]


@dataclass(frozen=True, slots=True)
class Task:
    """One video and everything that is asked of it.

    Attributes:
        id: of the item, as published.
        number: counts the items.
        name: of its run folder.
        source: frames, a video file, or a clip to be drawn.
        queries: their ids can name folders.
        audio: its sound, where that is a file of its own.
        fps: of a folder of frames.
        frames: names of the frames, where the data set lists them.
        groups: queries whose masks are merged: group -> ((query id, object number), ...).
    """

    id: str
    number: int
    name: str
    source: Path | Drawn
    queries: tuple[Query, ...]
    audio: Path | None
    fps: float
    frames: tuple[str, ...]
    groups: dict[str, tuple[tuple[str, int], ...]]


def tasks(dataset: Dataset, items: Sequence[Item]) -> Iterator[Task]:
    """One task for each item."""
    names = folder_names(item.id for item in items)
    for number, item in enumerate(items):
        ids = query_ids(item)
        groups: dict[str, tuple[tuple[str, int], ...]] = {}
        for one in item.references:
            if one.group:
                groups[one.group] = (*groups.get(one.group, ()), (ids[one.id], one.object))
        asked = tuple(
            replace(queries([one.text] if one.text else [], sound=one.sound)[0], id=ids[one.id])
            for one in item.references
        )
        yield Task(
            item.id, number, names[item.id], item.video, asked, item.audio, dataset.fps, item.frames, groups
        )


def query_ids(item: Item) -> dict[str, str]:
    """The query of each reference, by published id."""
    return folder_names(one.id for one in item.references)


def item_folder(run: Path, name: str) -> Path:
    """Run folder of one item."""
    return run / "items" / name


def job(task: Task, run: Path) -> Job:
    """What a session segments; a drawn clip is written to ``clips/`` first, without loss.

    Raises:
        MediaError: the folder of frames is not what the data set lists, or the clip cannot be written.
    """
    source = task.source
    if isinstance(source, Drawn):
        source = _drawn(source, run / "clips" / f"{task.name}.mkv")
    elif task.frames and source.is_dir():
        _check(task.frames, source)
    return Job(task.name, source, task.queries, task.audio, task.fps)


def _drawn(clip: Drawn, path: Path) -> Path:
    if not path.exists():
        scene = clip.scene()
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = None if scene.sound is None else scene.audio
        frames = (scene.frame(t) for t in range(scene.length))
        write_video(path, frames, scene.fps, lossless=True, sound=sound)
    return path


def _check(frames: Sequence[str], folder: Path) -> None:
    """Frames too many would change the clips that a video is divided into, and every figure, without a word."""
    found = {path.stem for path in folder.iterdir() if is_image(path)}
    if found != set(frames):
        raise MediaError(
            f"{folder} holds {len(found)} frames, {len(found & set(frames))} of the {len(frames)} that are listed.",
            hint="`alref-local datasets check ROOT --dataset NAME` says what is missing or too many.",
        )
