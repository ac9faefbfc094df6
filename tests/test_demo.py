"""The demo is the first thing that anybody runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alref_local.metrics import score_folders
from alref_local.reason.calls import read_calls
from alref_local.runs import open_run
from alref_local.world import SOUND_LABELS, make_scene
from tests.cli.kit import call


@pytest.mark.slow
@pytest.mark.usefixtures("loopback_only")
def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer's first command would fail, reach for the network, or claim a score that the files do not have."""
    for preset in ("late", "ladder"):
        capsys.readouterr()
        assert call("demo", "-o", tmp_path, "--json", "--preset", preset) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["overlay"]).is_file()
    run = open_run(tmp_path / "run")
    assert run.results[0].query.text == told["sentence"]
    scores = score_folders(tmp_path / "run" / "masks" / "0", tmp_path / "truth")["mean"]
    assert told["scores"] == scores
    assert scores["J&F"] >= 0.8
    asked = [one["address"]["step"] for one in read_calls(tmp_path / "run") if one["answer"]]
    assert asked == ["pivot_frame", "pivot_box"]
    assert set(run.manifest["weights"]) == {"tiny:grounding_dino", "tiny:sam2"}


def test_a_demo_takes_nothing_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody's own folder `run` would be deleted by the first command of the README."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "weights.pt").write_text("mine")
    assert call("demo", "-o", tmp_path, "-b", "none") == 2
    assert "Choose another folder" in capsys.readouterr().err
    assert (tmp_path / "run" / "weights.pt").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.usefixtures("loopback_only")
def test_demo_of_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The demo would not hear its own clip, or claim a score that the files do not have."""
    assert call("demo", "--sound", "-b", "none", "-o", tmp_path, "--json", "--seed", "801") == 0
    told = json.loads(capsys.readouterr().out)
    run = open_run(tmp_path / "run")
    assert [result.query.text for result in run.results[1:]] == told["sounding"]
    labels = {label for name in make_scene("sound", 801).heard for label in SOUND_LABELS[name]}
    assert {tag.name for tag in run.results[0].heard[0].tags} <= labels
    assert {"the dog", "the cat"} <= set(told["sounding"])
    scores = score_folders(tmp_path / "run" / "masks" / "sound", tmp_path / "truth")["mean"]
    assert told["scores"] == scores
    assert set(run.manifest["weights"]) == {"tiny:beats", "tiny:clap", "tiny:grounding_dino", "tiny:sam2"}
