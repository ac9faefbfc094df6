"""`export` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alref_local.export import FORMATS
from alref_local.media.encode import write_video
from alref_local.metrics.pngs import read_mask
from tests.cli.kit import FAKES, call
from tests.fakes import numbered_video


def test_a_run_of_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Annotations would belong to other frames than those that are written beside them."""
    video = tmp_path / "clip.mkv"
    write_video(video, numbered_video(6).images, 10.0, lossless=True)
    run, out = tmp_path / "run", tmp_path / "out"
    assert call("segment", video, "the dog", "-o", run, "--every", "2", *FAKES) == 0
    capsys.readouterr()
    for form in FORMATS:
        assert call("export", run, "-o", out / form, "--format", form) == 0
        said = capsys.readouterr().out.splitlines()
        assert said
        assert all(Path(line).is_file() for line in said)
    assert call("export", run, "-o", out, "--format", "coco", "--frames", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["videos"], told["frames"]) == (1, 3)
    data = json.loads(Path(told["files"][0]).read_text())
    assert [one["frame"] for one in data["images"]] == [0, 2, 4]
    for image in data["images"]:
        with Image.open(out / "images" / image["file_name"]) as picture:
            assert np.asarray(picture).mean() == pytest.approx(image["frame"], abs=1.5)
        (one,) = [one for one in data["annotations"] if one["image_id"] == image["id"]]
        assert one["area"] == read_mask(run / "masks/0" / f"{image['frame']:05}.png").sum()


def test_the_forms_are_all_offered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A form could be reached from Python only."""
    assert call("export", tmp_path, "-o", tmp_path, "--format", "voc") == 2
    said = capsys.readouterr().err
    assert all(f"'{form}'" in said for form in FORMATS)
    assert call("export", tmp_path, "-o", tmp_path, "--format", "coco") == 2
    assert "holds no finished run" in capsys.readouterr().err
