"""The commands that list data sets and check one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alref_local.datasets import DATASETS
from tests.cli.kit import call
from tests.datasets.miniatures import MINIATURES


def test_list_names_every_data_set(capsys: pytest.CaptureFixture[str]) -> None:
    """People would not know what can be evaluated."""
    assert call("datasets", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {name: one.about for name, one in DATASETS.items()}


def test_check_of_a_complete_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script could not tell that everything is there."""
    MINIATURES["ref-davis17"](tmp_path)
    assert call("datasets", "check", tmp_path, "--dataset", "ref-davis17") == 0
    said = capsys.readouterr()
    assert said.out.startswith("ref-davis17: 2 videos, 12 sentences, 8 frames, 8 masks.\n")
    assert "The published split has 30 videos, this one 2." in said.out


def test_check_says_what_is_missing_and_how_it_should_lie(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People would be told that something is wrong, but not what belongs there."""
    MINIATURES["ref-davis17"](tmp_path)
    (tmp_path / "valid/JPEGImages/dog/00001.jpg").unlink()
    assert call("datasets", "check", tmp_path, "--dataset", "ref-davis17") == 1
    said = capsys.readouterr()
    assert "valid/JPEGImages/dog lacks 1 of 4 frames, first 00001." in said.out
    assert "SPLIT/JPEGImages/VIDEO/FRAME.jpg" in said.err
    assert call("datasets", "check", tmp_path, "--dataset", "ref-davis17", "--json") == 1
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 1


def test_many_problems_are_cut_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first sentence would scroll out of sight."""
    rows = "".join(f"{number},a thing\n" for number in range(30))
    (tmp_path / "dataset.csv").write_text(f"video,sentence\n{rows}")
    assert call("datasets", "check", tmp_path, "--dataset", "own") == 1
    said = capsys.readouterr().out
    assert said.count("is missing") == 20
    assert "And 10 more" in said


def test_an_unknown_data_set_is_a_wrong_argument(tmp_path: Path) -> None:
    """A misspelt name would look like a broken data set."""
    assert call("datasets", "check", tmp_path, "--dataset", "davis") == 2
