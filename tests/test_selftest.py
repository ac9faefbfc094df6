"""What a lab runs once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alref_local.models.catalogue import find_checkpoint
from alref_local.models.resolve import BUNDLED
from tests.cli.kit import FAKES, call


def told(capsys: pytest.CaptureFixture[str], *words: str | Path, code: int = 0) -> dict[str, Any]:
    """What is printed, checks by name; without the one that takes part only where the extra `sam2` is installed."""
    assert call("selftest", *words) == code
    said = json.loads(capsys.readouterr().out)
    known = {one["name"]: one for one in said["checks"]}
    known.pop("masks as the sam2 package's", None)
    return {**said, "checks": known}


@pytest.mark.slow
@pytest.mark.usefixtures("loopback_only")
def test_everything_works(capsys: pytest.CaptureFixture[str]) -> None:
    """A lab would be told that its models work when they do not, or could not tell others which they are."""
    said = told(capsys, "-c", "tiny", "-b", "tiny", "--sound")
    checks = said["checks"]
    assert said["ok"]
    assert all(one["ok"] for one in checks.values())
    assert len(checks) == 10
    assert checks["weights of tiny:sam2"]["facts"]["numbers"] == 2_140_706
    assert max(checks["candidate boxes"]["facts"]["iou"]) > 0.5
    assert checks["masks from a true box"]["facts"]["scores"]["J"] > 0.7
    assert checks["the whole method"]["facts"]["scores"]["J&F"] > 0.7
    assert [one["error"] for one in checks["the whole method"]["facts"]["replies"]] == [None] * 2
    assert checks["the whole method again"]["facts"]["same_masks"]


def test_another_checkpoint_is_not_taken_for_the_released_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lab would compare the figures of a pruned model with those of the released one."""
    known = find_checkpoint("facebook/sam2.1-hiera-tiny")
    monkeypatch.setattr("alref_local.selftest.load_catalogue", lambda: {"tiny:sam2": known})
    checks = told(capsys, "-c", "tiny", code=1)["checks"]
    assert "are not those of the released checkpoint" in checks["weights of tiny:sam2"]["error"]
    assert checks["weights of tiny:grounding_dino"]["facts"]["as_released"] is None
    assert checks["the whole method"]["ok"]


def test_what_is_missing_is_said_and_the_rest_is_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One missing checkpoint would hide whether the others work."""
    other = tmp_path / "sam2"
    other.mkdir()
    for file in (BUNDLED / "sam2").iterdir():
        (other / file.name).write_bytes(file.read_bytes()[: -10 if file.suffix == ".safetensors" else None])
    changes = [
        "--set",
        f"segmentation.model={other}",
        "--set",
        "grounding.model=IDEA-Research/grounding-dino-base",
    ]
    said = told(capsys, "-c", "tiny", *changes, code=1)
    checks = said["checks"]
    assert not said["ok"]
    assert "is not on this machine" in checks["weights of IDEA-Research/grounding-dino-base"]["error"]
    assert checks["candidate boxes"]["hint"]
    assert not checks[f"weights of {other}"]["ok"]
    assert "cannot be loaded" in checks["masks from a true box"]["error"]
    assert len(checks) == 6


@pytest.mark.parametrize("sound", [False, True])
def test_models_of_others_are_tried_and_their_weights_not_asked_for(
    sound: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lab with a detector and a segmentor of its own would fail for want of models that it replaced."""
    heard = [*("--set", "sound.engine=tests.fakes:LevelTagger"), *("--set", "sound.aligner=0.5 cat")]
    heard += ["--sound", "--set", "sound.aligner_engine=tests.fakes:LevelAligner"]
    said = told(capsys, "-c", "default", *FAKES, *(heard if sound else []))
    assert said["ok"]
    assert [name for name in said["checks"] if name.startswith("weights")] == []
    assert said["checks"]["the whole method"]["facts"]["scores"]
    assert ("sounds and words" in said["checks"]) == sound
