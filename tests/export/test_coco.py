"""COCO and YouTube-VIS: what their own readers find in an export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from alref_local.errors import ConfigError
from alref_local.export import export
from tests.cli.test_segment import call
from tests.export.export_kit import blobs, write_run

DOGS = [blobs(1), blobs(2)]


def test_pycocotools_reads_the_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Masks would be shifted, turned or of another sentence in whatever reads COCO."""
    run = write_run(tmp_path / "run", {"the dogs": DOGS, "a ball": [blobs(3)]})
    done = export(run, tmp_path / "out", "coco", prefix="images/")
    read = COCO(str(done.files[0]))
    capsys.readouterr()
    assert [one["name"] for one in read.loadCats(read.getCatIds())] == ["the dogs", "a ball"]
    images = read.loadImgs(read.getImgIds())
    assert [one["file_name"] for one in images] == [f"images/clip/{t:05}.jpg" for t in range(4)]
    tracks = {1: DOGS[0], 2: DOGS[1], 3: blobs(3)}
    found = read.loadAnns(read.getAnnIds())
    assert len(found) == 9  # three tracks of three frames: what is not seen is not listed
    for one in found:
        frame = read.loadImgs(one["image_id"])[0]["frame"]
        mask = tracks[one["track_id"]][frame]
        assert np.array_equal(read.annToMask(one) > 0, mask)
        assert one["area"] == mask.sum()
        rows, columns = np.nonzero(mask)
        assert one["bbox"][:2] == [columns.min(), rows.min()]
        assert one["bbox"][2:] == [np.ptp(columns) + 1, np.ptp(rows) + 1]


def test_youtube_vis_has_a_mask_or_null_for_every_frame(tmp_path: Path) -> None:
    """Frames and masks would not belong together where an object is away."""
    run = write_run(tmp_path / "run", {"the dogs": DOGS})
    (file,) = export(run, tmp_path / "out", "youtube-vis").files
    read = json.loads(file.read_text())
    (video,) = read["videos"]
    assert (video["width"], video["height"], video["length"]) == (40, 30, 4)
    assert len(video["file_names"]) == 4
    for one, track in zip(read["annotations"], DOGS, strict=True):
        assert one["video_id"] == video["id"]
        assert [segment is None for segment in one["segmentations"]] == [False, True, False, False]
        for t, (segment, mask) in enumerate(zip(one["segmentations"], track, strict=True)):
            if segment is not None:
                assert np.array_equal(coco_masks.decode(segment) > 0, mask)
                assert one["areas"][t] == mask.sum()


def test_several_runs_are_one_file(tmp_path: Path) -> None:
    """Ids of two videos would collide."""
    for name in ("a", "b"):
        write_run(tmp_path / "runs" / name, {"the dogs": DOGS}, video="clip.mp4")
    (file,) = export(tmp_path / "runs", tmp_path / "out", "coco").files
    read = json.loads(file.read_text())
    assert [one["id"] for one in read["images"]] == list(range(1, 9))
    assert sorted({one["track_id"] for one in read["annotations"]}) == [1, 2, 3, 4]
    assert len(read["categories"]) == 1


def test_frames_that_a_run_left_out(tmp_path: Path) -> None:
    """Masks of every second frame would lie on the wrong frames of the source."""
    masks = blobs(1, length=6)
    write_run(tmp_path / "whole", {"x": [masks]})
    run = write_run(tmp_path / "run", {"x": [masks[::2]]}, every=2)
    (file,) = export(run, tmp_path / "out", "coco").files
    assert [one["frame"] for one in json.loads(file.read_text())["images"]] == [0, 2, 4]


def test_by_command_with_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Annotations would come without the pictures that they are of."""
    run = write_run(tmp_path / "run", {"x": [blobs(1)]})
    words: list[str | Path] = ["export", run, "-o", tmp_path / "out", "--format", "coco", "--prefix", "images/", "--frames"]
    assert call(*words) == 0
    assert "4 frames" in capsys.readouterr().out
    read = json.loads((tmp_path / "out/annotations.json").read_text())
    assert all((tmp_path / "out" / one["file_name"]).is_file() for one in read["images"])
    assert call("export", tmp_path, "-o", tmp_path / "out", "--format", "coco") == 0  # the folder of several
    with pytest.raises(ConfigError, match="holds no finished run"):
        export(tmp_path / "out", tmp_path / "again", "coco")
