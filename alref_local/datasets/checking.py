"""Says in sentences what a data set lacks, and counts what is there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alref_local.datasets.catalogue import find_dataset, load_items
from alref_local.datasets.item import Item, Reference
from alref_local.datasets.source import AnnotationsError
from alref_local.media.folder import is_image

__all__ = ["Checked", "check"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What is there (videos, sentences, frames, masks, ...), what is wrong, and what is worth knowing."""

    counts: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def check(name: str, root: Path, split: str = "") -> Checked:
    """Look for every file that an evaluation would read; none is opened but the annotations.

    Raises:
        ConfigError: there is no such data set.
    """
    dataset = find_dataset(name)
    split = split or next(iter(dataset.splits))
    try:
        items = load_items(name, root, split)
    except AnnotationsError as error:
        return Checked(problems=tuple(error.problems))
    problems = [f"{said}." for item in items for said in _complaints(item, root)]
    asked = [reference for item in items for reference in item.references]
    counts = {
        "videos": len(items),
        "sentences": sum(bool(one.text) for one in asked),
        "sounds": sum(one.sound and not one.text for one in asked),
        "without target": sum(one.target is False for one in asked),
        "frames": sum(len(item.frames) for item in items),
        "masks": sum(len(files) for item in items for files in _truths(item)),
    }
    return Checked(
        {what: count for what, count in counts.items() if count},
        tuple(problems),
        tuple(_remarks(items, asked, dataset.splits.get(split, 0))),
    )


def _complaints(item: Item, root: Path) -> Iterator[str]:
    if isinstance(item.video, Path):
        yield from _video(item.video, item.frames, root)
    if item.audio is not None and not item.audio.is_file():
        yield f"{_shown(item.audio, root)} is missing"
    for files in _truths(item):
        if missing := [file for file in files if not file.is_file()]:
            folder, first = _shown(missing[0].parent, root), missing[0].name
            yield f"{folder} lacks {len(missing)} of {len(files)} masks, first {first}"


def _video(path: Path, frames: Sequence[str], root: Path) -> Iterator[str]:
    shown = _shown(path, root)
    if not path.exists():
        yield f"{shown} is missing"
    elif path.is_dir():
        found = (
            {file.stem for file in path.iterdir() if is_image(file)} if os.access(path, os.R_OK) else set()
        )
        missing = [frame for frame in frames if frame not in found]
        if not found:
            yield f"{shown} holds no frames that can be read"
        elif missing:
            yield f"{shown} lacks {len(missing)} of {len(frames)} frames, first {missing[0]}"
        elif frames and (more := len(found) - len(frames)):
            yield f"{shown} holds {more} frame(s) more than the {len(frames)} that are listed"
    elif frames:
        yield f"{shown} is a file, not a folder of frames"


def _truths(item: Item) -> Iterator[tuple[Path, ...]]:
    """Files of every truth, each once: sentences may share one."""
    truths = [item.truth, *(one.truth for one in item.references)]
    yield from dict.fromkeys(truth.files for truth in truths if truth is not None and truth.files)


def _remarks(items: Sequence[Item], asked: Sequence[Reference], published: int) -> Iterator[str]:
    if published and published != len(items):
        yield f"The published split has {published} videos, this one {len(items)}."
    scored = sum(item.truth is not None for item in items) or sum(one.truth is not None for one in asked)
    if not scored:
        yield "There is no truth here: masks can be made and submitted, but not scored."


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
