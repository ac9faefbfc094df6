"""Several objects in one label map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alref_local.evaluate.merging import Overheard, label_map_path, write_label_maps
from alref_local.masks import encode
from alref_local.metrics.pngs import read_labels
from alref_local.perceive.masks import binarize
from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, MaskTrack, Prompt, Query, Rle, TargetResult
from tests.fakes import numbered_video

SIZE = (8, 12)


class Strong:
    """Track 0 fills the left two thirds weakly, track 1 the right two thirds strongly, as logits of half the size."""

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        logits = np.full((2, 8, 12), -0.5, np.float16)
        logits[0, :, :8] = 1
        logits[1, :, 4:] = 3
        for frame in range(len(video)):
            yield FrameMasks(frame, (0, 1), logits, np.ones(2, np.float32))


def merged(tmp_path: Path, background: float, tracks: Sequence[int] = (0, 1)) -> list[int]:
    heard, video = Overheard(Strong()), numbered_video(1, SIZE)
    masks: dict[int, Rle] = {}
    for one in heard.track(video, []):
        masks = dict(zip(one.track_ids, map(encode, binarize(one, SIZE)), strict=True))
    results = [
        TargetResult(
            Query(name), "ok", (MaskTrack(track, SIZE, (masks[track],), (1.0,)),) if track in tracks else ()
        )
        for track, name in enumerate(("first", "second"))
    ]
    groups = {"anno_0": (("first", 2), ("second", 5)), "anno_1": (("second", 1),)}
    write_label_maps(tmp_path, results, groups, heard, background)
    assert read_labels(label_map_path(tmp_path, "anno_1", "00000")).max() == (1 in tracks)
    return [int(one) for one in read_labels(label_map_path(tmp_path, "anno_0", "00000"))[0]]


def test_the_stronger_object_wins(tmp_path: Path) -> None:
    """Where objects meet, the later sentence would cover the earlier one, whatever the model thinks."""
    assert merged(tmp_path, 0.0) == [2] * 4 + [5] * 8
    with Image.open(label_map_path(tmp_path, "anno_0", "00000")) as image:
        assert image.mode == "P"  # as the masks of DAVIS


@pytest.mark.parametrize(("background", "right"), [(0.0, 0), (-1.0, 2)])
def test_background(background: float, right: int, tmp_path: Path) -> None:
    """The background of the released code, -1, would not let a lone object grow."""
    assert merged(tmp_path, background, tracks=(0,)) == [2] * 8 + [right] * 4


def test_masks_of_another_pass() -> None:
    """A mask that a second look kept would be merged by the logits of the mask that it refused."""
    heard, video = Overheard(Strong()), numbered_video(1, SIZE)
    assert [one.frame for one in heard.track(video, [])] == [0]
    kept = np.zeros(SIZE, np.bool_)
    kept[2:4, 2:4] = True
    logits = heard.logits(MaskTrack(0, SIZE, (encode(kept),), (1.0,)), 0)
    assert np.array_equal(logits > 0, kept)
    assert np.array_equal(logits > -1, kept)


def test_nothing_tracked(tmp_path: Path) -> None:
    """A video in which nothing was found would fail."""
    results = [TargetResult(Query("first"), "no_target")]
    write_label_maps(tmp_path, results, {"anno_0": (("first", 1),)}, Overheard(Strong()), 0.0)
    assert not list(tmp_path.iterdir())
