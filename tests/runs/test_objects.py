"""Masks as objects of supervision and FiftyOne."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alref_local.errors import PrerequisiteError
from alref_local.session import Segmentation
from tests.export.export_kit import run_of

SIZE = (20, 40)


def masks() -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Three tracks over two frames; the second is absent on frame 0."""
    found = np.zeros((3, 2, *SIZE), bool)
    found[0, :, 5:10, 4:14] = True
    found[1, 1, 0:2, 0:3] = True
    found[2, :, 10:20, 20:40] = True
    found[2, :, 12, 22] = False
    return found


def package(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages that each could use, too
        return pytest.importorskip(name, exc_type=ImportError)


def run(folder: Path) -> Any:
    first, second, third = masks()
    return run_of(folder, [("the dogs", [first, second]), ("", [third])])


def test_supervision(tmp_path: Path) -> None:
    """A notebook would draw the masks under wrong names, or lose a track from frame to frame."""
    sv = package("supervision")
    done = run(tmp_path)
    here = done.to_supervision(1)
    assert isinstance(here, sv.Detections)
    assert (here.mask == masks()[:, 1]).all()
    assert here.xyxy.tolist() == [[4, 5, 14, 10], [0, 0, 3, 2], [20, 10, 40, 20]]
    assert here.class_id.tolist() == [0, 0, 1]
    assert here.tracker_id.tolist() == [0, 1, 2]
    assert here.confidence == pytest.approx([0.51] * 3)
    assert here.data["class_name"].tolist() == ["the dogs", "the dogs", "1"]
    assert here.data["reference"].tolist() == ["0", "0", "1"]
    before = done.to_supervision(0)
    assert before.tracker_id.tolist() == [0, 2]
    assert len(before[before.class_id == 1]) == 1
    result = Segmentation("street", SIZE, 2, done.results)
    assert result.to_supervision(1) == here


def test_nothing_on_a_frame(tmp_path: Path) -> None:
    """A frame without objects would end a notebook in a traceback."""
    package("supervision")
    empty = run_of(tmp_path, [("the dog", [np.zeros((2, *SIZE), bool)])])
    assert len(empty.to_supervision(1)) == 0


def test_fiftyone(tmp_path: Path) -> None:
    """FiftyOne would show masks stretched over other boxes."""
    fo = package("fiftyone")
    done = run(tmp_path)
    found = done.to_fiftyone(1)
    assert isinstance(found, fo.Detections)
    assert [(one.label, one.index) for one in found.detections] == [
        ("the dogs", 0),
        ("the dogs", 1),
        ("1", 2),
    ]
    last = found.detections[2]
    assert last.bounding_box == [0.5, 0.5, 0.5, 0.5]
    assert (last.mask == masks()[2, 1, 10:20, 20:40]).all()
    assert len(Segmentation("street", SIZE, 2, done.results).to_fiftyone(0).detections) == 2


@pytest.mark.parametrize("name", ["supervision", "fiftyone"])
def test_a_missing_package_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person would see a traceback instead of the command that helps."""
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PrerequisiteError) as missing:
        getattr(run(tmp_path), f"to_{name}")(0)
    assert missing.value.hint == f"pip install {name}"
