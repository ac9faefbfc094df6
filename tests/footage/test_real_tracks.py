"""Real recordings and the sound tracks of real videos, read to their end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alref_local.errors import MediaError
from alref_local.media import has_audio, open_audio, open_video

DATA = Path(__file__).parents[2] / "../shared/data"

pytestmark = pytest.mark.skipif(not (DATA / "videos").is_dir(), reason="no real data at ../shared/data")

RECORDINGS = sorted((DATA / "audio_esc10").rglob("*.ogg")) + sorted((DATA / "tux_stamps").glob("*.ogg"))
TRACKS = {  # the loudest sample: 0 for a track that is there but silent
    "sam2_01_dog.mp4": 0.0,
    "vas_dog_video_02677.mp4": 0.945,
    "vas_drum_video_02542.mp4": 0.650,
    "vggsound_6zlMP_kQ_-w_30000_40000.mp4": 0.235,
}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_every_recording_is_heard_to_its_end(path: Path) -> None:
    """A recording from the field would be refused, or lose its end."""
    audio = open_audio(path)
    samples = np.concatenate([window.samples for window in audio.windows(2.0)])
    assert len(samples) / 16_000 == pytest.approx(audio.duration, abs=0.05)
    assert np.isfinite(samples).all()
    assert 0.05 <= np.abs(samples).max() <= 1
    assert audio.warning == ""


@pytest.mark.parametrize("name", TRACKS)
def test_every_track_lasts_as_long_as_its_pictures(name: str) -> None:
    """Sound and pictures of a real video would drift apart."""
    audio = open_audio(DATA / "videos" / name)
    with open_video(DATA / "videos" / name) as video:
        end = len(video) / video.fps
    (window,) = audio.windows(stop=end)
    assert audio.offset == pytest.approx(0, abs=0.05)
    assert len(window.samples) / 16_000 == pytest.approx(end, abs=0.1)
    assert np.abs(window.samples).max() == pytest.approx(TRACKS[name], abs=0.05)


def test_videos_without_sound_say_so() -> None:
    """A video without a track would end in a traceback."""
    mute = [path for path in (DATA / "videos").iterdir() if path.name not in TRACKS]
    assert len(mute) == 3
    for path in mute:
        assert not has_audio(path)
        with pytest.raises(MediaError):
            open_audio(path)
