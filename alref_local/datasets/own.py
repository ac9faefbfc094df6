"""People's own videos: a CSV or JSON list with a line per sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from alref_local.datasets.item import Dataset, Item, Reference
from alref_local.datasets.source import AnnotationsError, Entry, RelativePath, Source, file_name
from alref_local.datasets.truth import MaskFiles
from alref_local.jobs import MAX_SENTENCE

__all__ = ["OWN"]


class _Row(Entry):
    video: RelativePath
    sentence: Annotated[str, StringConstraints(max_length=MAX_SENTENCE)]
    id: Annotated[str, AfterValidator(lambda text: text and file_name(text))] = ""
    truth: str = ""
    audio: str = ""


def _read(source: Source, split: str) -> Iterator[Item]:
    """Lines of one video form an item; a line without a sentence asks for whatever sounds."""
    listed = f"{split}.json"
    rows = (
        source.json(list[_Row], listed) if source.path(listed).is_file() else source.csv(_Row, f"{split}.csv")
    )
    videos: dict[str, list[_Row]] = {}
    for row in rows:
        videos.setdefault(row.video, []).append(row)
    for video, asked in videos.items():
        references = tuple(_reference(source, number, row) for number, row in enumerate(asked))
        sounds = list(dict.fromkeys(row.audio for row in asked if row.audio))
        if len(sounds) > 1:
            raise AnnotationsError([f"{video} is listed with {len(sounds)} sounds, but a video has one."])
        yield Item(video, source.path(video), references, audio=source.path(sounds[0]) if sounds else None)


def _reference(source: Source, number: int, row: _Row) -> Reference:
    """The truth is a folder of masks that are named as the frames are."""
    text = " ".join(row.sentence.split())
    files = _pngs(source.path(row.truth)) if row.truth else ()
    truth = MaskFiles(tuple(file.stem for file in files), files) if files else None
    return Reference(row.id or str(number), text, sound=not text, truth=truth)


def _pngs(folder: Path) -> tuple[Path, ...]:
    """All masks of a folder, or the folder itself where there is none: it will be missed."""
    return tuple(sorted(folder.glob("*.png"))) or (folder / "00000.png",)


OWN = Dataset(
    name="own",
    about="your own list of videos and sentences",
    metric="J&F",
    layout="""
SPLIT.csv or SPLIT.json   columns video, sentence; if you like: id, truth, audio; empty sentence: whatever sounds
VIDEO                     a video file or a folder of frames, by its path below ROOT
TRUTH/FRAME.png           masks named as the frames are (00000, 00001, ... of a video file)
""",
    splits={"dataset": 0},
    read=_read,
)
