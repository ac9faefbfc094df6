"""AVSBench-object (Zhou et al., ECCV 2022): S4, one source of sound, and MS3, several; five frames a video."""

from __future__ import annotations

from collections.abc import Iterator

from alref_local.datasets.item import Dataset, Item, Reference
from alref_local.datasets.source import Entry, Name, Source
from alref_local.datasets.truth import MaskFiles

__all__ = ["AVS_MS3", "AVS_S4"]

_FRAMES = range(1, 6)


class _MS3(Entry):
    name: Name
    split: str


class _S4(_MS3):
    category: Name


def _s4(source: Source, split: str) -> Iterator[Item]:
    for row in source.csv(_S4, "s4_meta_data.csv", first="name"):
        if row.split == split:
            yield _item(source, "s4_data", split, (row.category, row.name), "{}_{}", row.category)


def _ms3(source: Source, split: str) -> Iterator[Item]:
    for row in source.csv(_MS3, "ms3_meta_data.csv", first="name"):
        if row.split == split:
            yield _item(source, "ms3_data", split, (row.name,), "{}.mp4_{}")


def _item(source: Source, data: str, split: str, place: tuple[str, ...], naming: str, part: str = "") -> Item:
    """Frames of S4 lie by split, those of MS3 do not; masks and sound do in both."""
    name = place[-1]
    frames = tuple(naming.format(name, k) for k in _FRAMES)
    masks = tuple(source.path(data, "gt_masks", split, *place, f"{name}_{k}.png") for k in _FRAMES)
    pictures = (split, *place) if data == "s4_data" else place
    return Item(
        name,
        source.path(data, "visual_frames", *pictures),
        (Reference("sound", sound=True, truth=MaskFiles(frames, masks)),),
        frames,
        audio=source.path(data, "audio_wav", split, *place[:-1], f"{name}.wav"),
        part=part,
    )


AVS_S4 = Dataset(
    name="avs-s4",
    about="AVSBench S4: the one thing that sounds, five frames a video",
    metric="M_J, M_F",
    layout="""
s4_meta_data.csv                                        the name first, columns category, split
s4_data/visual_frames/SPLIT/CATEGORY/NAME/NAME_K.png    K from 1 to 5
s4_data/gt_masks/SPLIT/CATEGORY/NAME/NAME_K.png
s4_data/audio_wav/SPLIT/CATEGORY/NAME.wav
""",
    splits={"test": 740, "val": 740},
    read=_s4,
    fps=1.0,
)
AVS_MS3 = Dataset(
    name="avs-ms3",
    about="AVSBench MS3: several things that sound, five frames a video",
    metric="M_J, M_F",
    layout="""
ms3_meta_data.csv                                       the name first, column split
ms3_data/visual_frames/NAME/NAME.mp4_K.png              K from 1 to 5
ms3_data/gt_masks/SPLIT/NAME/NAME_K.png
ms3_data/audio_wav/SPLIT/NAME.wav
""",
    splits={"test": 64, "val": 64},
    read=_ms3,
    fps=1.0,
)
