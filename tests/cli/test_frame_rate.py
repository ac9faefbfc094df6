"""Folders of frames cannot say their frame rate: people do, and where it decides everything they must."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import alref_local
from alref_local.errors import ConfigError
from alref_local.jobs import collect_jobs
from alref_local.media.encode import write_video
from alref_local.runs import open_run
from tests.cli.kit import call
from tests.cli.test_sound import HEARING, sound
from tests.fakes import numbered_video


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Twenty frames."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, image in enumerate(numbered_video(20).images):
        Image.fromarray(image).save(folder / f"{number:05d}.png")
    return folder


def test_seconds_are_those_of_the_rate_that_was_said(frames: Path, tmp_path: Path) -> None:
    """--start, --end, clips and the overlay would go by 24 frames per second, whatever the folder holds."""
    out, window = tmp_path / "out", ("--start", "0.5", "--end", "1")
    assert call("segment", frames, "the dog", "--fps", "10", *window, "-o", out, *HEARING) == 0
    run = open_run(out)
    assert (run.video.fps, run.video.frame_names[0], len(run.video.frame_names)) == (10, "00005", 5)
    changes = {
        "grounding": {"engine": "tests.fakes:BoxesByFrame"},
        "segmentation": {"engine": "tests.fakes:BoxSegmentor"},
    }
    assert alref_local.segment(frames, "the dog", changes=changes, start=0.5, end=1, fps=10).length == 5
    assert alref_local.segment(frames, "the dog", changes=changes, end=0.5).length == 12


def test_sound_needs_a_rate(frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What sounds in one second would be looked for on the frames of another."""
    bark = sound(tmp_path / "bark.wav", 0.1, 0.2)
    words: list[str | Path] = [
        "segment",
        frames,
        "--sound",
        "--audio",
        bark,
        "-o",
        tmp_path / "out",
        *HEARING,
    ]
    for more in ([], ["--dry-run"]):
        assert call(*words, *more) == 2
        assert "--fps" in capsys.readouterr().err
    assert call(*words, "--fps", "10") == 0
    heard = open_run(tmp_path / "out").results[0].heard
    assert max(one.stop for one in heard) == pytest.approx(2)


def test_a_video_file_takes_no_rate(frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rate would be taken without effect; in a list it would change the files' runs, or reach no folder."""
    clip = tmp_path / "clip.mp4"
    write_video(clip, numbered_video(4).images, 10.0)
    assert call("segment", clip, "the dog", "--fps", "10", "-o", tmp_path / "out", *HEARING) == 2
    assert "its own frame rate" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="own frame rate"):
        alref_local.segment(clip, "the dog", fps=10)
    items = tmp_path / "items.csv"
    items.write_text("video,sentence\nframes,the dog\nclip.mp4,the dog\nframes,the cat\n")
    assert [job.fps for job in collect_jobs(items, [], fps=10)] == [10, None]


@pytest.mark.parametrize("rate", ["0", "-3", "nan"])
def test_a_rate_that_makes_no_sense(
    rate: str, frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip would end in a traceback."""
    assert call("segment", frames, "a", "--fps", rate, "-o", tmp_path / "out", *HEARING) == 2
    assert "makes no sense" in capsys.readouterr().err
