"""AVSBench-semantic (Zhou et al., 2023): AVSS, which names what sounds, and V2-Binary, its ten-second videos."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from alref_local.datasets.item import Dataset, Item, Reference
from alref_local.datasets.source import Entry, Name, Source
from alref_local.datasets.truth import ClassFiles, MaskFiles

__all__ = ["AVSS", "AVS_V2_BINARY", "categories"]

_FRAMES = {"v1s": 5, "v1m": 5, "v2": 10}


class _Row(Entry):
    uid: Name
    label: Literal["v1s", "v1m", "v2"]
    split: str


def categories(source: Source) -> dict[str, int]:
    """The number of each category in the label maps, background included."""
    return source.json(dict[str, int], "label2idx.json")


def _avss(source: Source, split: str) -> Iterator[Item]:
    categories(source)  # missed now, not when the first label map is to be named
    for row in source.csv(_Row, "metadata.csv"):
        if row.split == split:
            yield _item(source, row, semantic=True)


def _v2(source: Source, split: str) -> Iterator[Item]:
    for row in source.csv(_Row, "metadata.csv"):
        if row.split == split and row.label == "v2":
            yield _item(source, row, semantic=False)


def _item(source: Source, row: _Row, *, semantic: bool) -> Item:
    frames = tuple(str(k) for k in range(_FRAMES[row.label]))
    files = tuple(source.path(row.label, row.uid, "labels_rgb", f"{k}.png") for k in frames)
    truth = None if semantic else MaskFiles(frames, files)
    return Item(
        row.uid,
        source.path(row.label, row.uid, "frames"),
        (Reference("sound", sound=True, truth=truth),),
        frames,
        audio=source.path(row.label, row.uid, "audio.wav"),
        truth=ClassFiles(frames, files) if semantic else None,
        part=row.label,
    )


AVSS = Dataset(
    name="avs-avss",
    about="AVSBench AVSS: what sounds, by category",
    metric="mIoU",
    layout="""
metadata.csv                 columns uid, label, split
label2idx.json               {CATEGORY: NUMBER}
LABEL/UID/frames/K.jpg       LABEL v2: K from 0 to 9; v1s and v1m: K from 0 to 4
LABEL/UID/labels_rgb/K.png   truth: a colour's place in AVSBench's palette is the category
LABEL/UID/audio.wav
""",
    splits={"test": 1554, "val": 0},
    read=_avss,
    fps=1.0,
)
AVS_V2_BINARY = Dataset(
    name="avs-v2-binary",
    about="AVSBench V2-Binary: what sounds, in the ten-second videos of AVSS",
    metric="M_J, M_F",
    layout="""
metadata.csv                 columns uid, label, split
v2/UID/frames/K.jpg          K from 0 to 9
v2/UID/labels_rgb/K.png      truth: what is not black
v2/UID/audio.wav
""",
    splits={"test": 750, "val": 0},
    read=_v2,
    fps=1.0,
)
