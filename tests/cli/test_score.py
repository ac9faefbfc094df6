"""The command that scores folders of masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.kit import call


def write(root: Path, frames: dict[str, list[int]]) -> Path:
    for name, numbers in frames.items():
        (root / name).mkdir(parents=True)
        for index, number in enumerate(numbers):
            Image.fromarray(np.full((4, 4), number, np.uint8)).save(root / name / f"{index:05}.png")
    return root


def test_rules_are_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Official tables could not be reproduced from the command line."""
    pred, truth = write(tmp_path / "p", {"a": [2, 1, 2]}), write(tmp_path / "t", {"a": [1, 1, 1]})
    expected = {("union", "all"): 1.0, ("identity", "all"): 1 / 3, ("identity", "no-ends"): 1.0}
    for (objects, frames), j in expected.items():
        assert call("score", pred, truth, "--objects", objects, "--frames", frames, "--json") == 0
        assert json.loads(capsys.readouterr().out)["mean"]["J"] == pytest.approx(j)


def test_the_table_names_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The mean of a part would be taken for that of the whole."""
    pred, truth = write(tmp_path / "p", {"a": [1]}), write(tmp_path / "t", {"a": [1], "b": [1]})
    assert call("score", pred, truth) == 0
    said = capsys.readouterr()
    assert "mean  1.000  1.000  1.000" in said.out
    assert "left out of the mean: b" in said.err


def test_no_frame_that_counts_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Videos of two frames would end in a traceback."""
    pred, truth = write(tmp_path / "p", {"a": [1, 1]}), write(tmp_path / "t", {"a": [1, 1]})
    assert call("score", pred, truth, "--frames", "no-ends") == 2
    assert "Of 2 frame(s) none counts" in capsys.readouterr().err
