"""Ref-AVS (Wang et al., ECCV 2024): sentences about what is seen and heard; ten frames a video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from alref_local.datasets.item import Dataset, Item, Reference
from alref_local.datasets.source import AnnotationsError, Entry, Name, Sentence, Source
from alref_local.datasets.truth import MaskFiles

__all__ = ["REF_AVS"]

_FRAMES = range(10)
_NULL = "null"


class _Row(Entry):
    uid: Name
    split: str
    fid: Name
    exp: Sentence

    @property
    def video(self) -> str:
        """``VIDEO_CATEGORY_NUMBER`` is a sentence."""
        return self.uid.rsplit("_", 2)[0]

    @property
    def target(self) -> bool:
        """Sentences of the null split have none, nor have some of train and val."""
        return self.uid.rsplit("_", 2)[-2] != _NULL


def _read(source: Source, split: str) -> Iterator[Item]:
    """``media`` names the video as the first part of the sentence's id."""
    videos: dict[str, list[_Row]] = {}
    for number, row in enumerate(source.csv(_Row, "metadata.csv"), start=2):
        if row.uid.count("_") < 2:
            raise AnnotationsError([f"metadata.csv: line {number}: {row.uid} is not VIDEO_CATEGORY_NUMBER."])
        if row.split == split:
            videos.setdefault(row.video, []).append(row)
    frames = tuple(str(k) for k in _FRAMES)
    for video, rows in videos.items():
        yield Item(
            video,
            source.path("media", video, "frames"),
            tuple(_references(source, video, rows, frames)),
            frames,
            audio=source.path("media", video, "audio.wav"),
            part=split,
        )


def _references(
    source: Source, video: str, rows: Sequence[_Row], frames: tuple[str, ...]
) -> Iterator[Reference]:
    """The published list repeats some rows, and gives three ids to two sentences each: the second is ``ID~2``."""
    times: Counter[str] = Counter()
    for row in dict.fromkeys(rows):
        times[row.uid] += 1
        id = row.uid if times[row.uid] == 1 else f"{row.uid}~{times[row.uid]}"
        files = tuple(source.path("gt_mask", video, f"fid_{row.fid}", f"{k:05}.png") for k in _FRAMES)
        truth = MaskFiles(frames, files)
        yield Reference(id, row.exp, sound=True, truth=truth, target=row.target)


REF_AVS = Dataset(
    name="ref-avs",
    about="Ref-AVS: sentences about what is seen and heard; test_n has no targets",
    metric="J, F, S",
    layout="""
metadata.csv                     columns vid, uid, split, fid, exp; UID is VIDEO_CATEGORY_NUMBER
media/VIDEO/frames/K.jpg         K from 0 to 9
media/VIDEO/audio.wav
gt_mask/VIDEO/fid_FID/0000K.png
""",
    splits={"test_s": 0, "test_u": 0, "test_n": 0, "val": 0, "train": 0},
    read=_read,
    fps=1.0,
)
