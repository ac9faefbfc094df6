"""Masks as the objects of supervision and FiftyOne."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from alref_local.errors import PrerequisiteError
from alref_local.runs import open_run
from tests.export.export_kit import blobs, write_run


def test_supervision(tmp_path: Path) -> None:
    """A notebook would draw boxes and masks of other objects, or follow one under two numbers."""
    pytest.importorskip("supervision", reason="supervision is not installed")
    tracks = [blobs(1), blobs(2)]
    run = open_run(write_run(tmp_path / "run", {"the dog": tracks[:1], "a ball": tracks[1:]}))
    found = run.to_supervision(2)
    assert len(found) == 2
    assert found.tracker_id is not None
    assert found.tracker_id.tolist() == [0, 1]
    assert found.data["class_name"].tolist() == ["the dog", "a ball"]
    assert found.mask is not None
    assert np.array_equal(found.mask[1], tracks[1][2])
    assert len(run.to_supervision(1)) == 0


@pytest.mark.parametrize(
    ("method", "package"), [("to_supervision", "supervision"), ("to_fiftyone", "fiftyone")]
)
def test_what_is_not_installed_is_named(
    method: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook would show a traceback out of this package."""
    monkeypatch.setitem(sys.modules, package, None)
    run = open_run(write_run(tmp_path / "run", {"the dog": [blobs(1)]}))
    with pytest.raises(PrerequisiteError, match=f"{package} is not installed") as caught:
        getattr(run, method)(0)
    assert caught.value.hint == f"pip install {package}"
