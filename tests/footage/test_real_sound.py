"""Real tracks and recordings from end to end: what sounds in them reaches the tagger, and a whole run follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import alref_local
from alref_local.media.encode import write_video
from alref_local.runs import open_run
from tests.fakes import numbered_video
from tests.footage.networks import DATA

pytestmark = pytest.mark.skipif(not (DATA / "videos").is_dir(), reason="no real data at ../shared/data")

FAKES: dict[str, Any] = {
    "grounding": {"engine": "tests.fakes:BoxesByFrame"},
    "segmentation": {"engine": "tests.fakes:BoxSegmentor"},
    "sound": {"engine": "tests.fakes:LevelTagger", "aligner": None, "tags": 1},
}
SECONDS = {
    "vas_dog_video_02677.mp4": 6.0,
    "vas_drum_video_02542.mp4": 10.0,
    "vggsound_6zlMP_kQ_-w_30000_40000.mp4": 10.0,
}
RECORDINGS = sorted((DATA / "audio_esc10").glob("*/*.ogg")) + sorted((DATA / "tux_stamps").glob("*.ogg"))[:3]


@pytest.mark.parametrize("name", SECONDS)
def test_a_real_track_is_heard_from_beginning_to_end(tmp_path: Path, name: str) -> None:
    """A real file's sound (its codec, rate, channels, delay) would stop a run, or be missed."""
    done = alref_local.segment(DATA / "videos" / name, sound=True, changes=FAKES, out=tmp_path / "out")
    (heard,) = done.results[0].heard
    assert heard.stop == pytest.approx(SECONDS[name], abs=0.1)
    assert heard.tags
    assert [result.query.id for result in open_run(tmp_path / "out").results] == ["sound", "sound-noise"]
    assert done.results[0].status == "ok"


def test_a_silent_track_is_silence(tmp_path: Path) -> None:
    """A track without a sound, as many clips have, would be taken for a sound."""
    video = DATA / "videos" / "sam2_01_dog.mp4"
    done = alref_local.segment(video, sound=True, changes=FAKES, end=1.0, out=tmp_path / "out")
    assert done.results[0].status == "no_target"
    assert {heard.note for heard in done.results[0].heard} == {"nothing is heard"}


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_stands_in_for_the_track(tmp_path: Path, recording: Path) -> None:
    """A recording beside the video could not be used."""
    write_video(tmp_path / "clip.mp4", numbered_video(20).images, 5.0)
    done = alref_local.segment(tmp_path / "clip.mp4", sound=True, audio=recording, changes=FAKES)
    assert [heard.stop for heard in done.results[0].heard] == [4.0]
    assert [result.status for result in done.results] == ["ok", "ok"]
