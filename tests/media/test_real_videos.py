from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alref_local.media import Panel, open_video, strip

VIDEOS = Path(__file__).parents[2].parent / "shared" / "data" / "videos"
FACTS = {
    "cutie_example.mp4": ((480, 640), 117, 25.0),
    "edgetam_21_biker.mp4": ((720, 1280), 239, 25.0),
    "sam2_01_dog.mp4": ((720, 1280), 289, 29.97),
    "vas_dog_video_02677.mp4": ((224, 398), 180, 29.97),
    "vas_drum_video_02542.mp4": ((224, 336), 300, 29.97),
    "vggsound_6zlMP_kQ_-w_30000_40000.mp4": ((360, 480), 300, 30.0),
    "cutie_bike": ((480, 854), 4, 24.0),
}


@pytest.mark.skipif(not VIDEOS.is_dir(), reason="the folder of real videos is not beside the project")
@pytest.mark.parametrize("name", FACTS)
def test_real_videos_read_the_same_both_ways(name: str) -> None:
    """If this fails, footage from real cameras and web sites is misread."""
    size, count, fps = FACTS[name]
    with open_video(VIDEOS / name) as video:
        assert (video.size, len(video)) == (size, count)
        assert video.fps == pytest.approx(fps, abs=0.01)
        assert (np.diff(video.timestamps()) > 0).all()
        places = np.linspace(0, count - 1, 4).astype(int).tolist()
        frames = video.frames(places)
        sums = {index: int(frame.sum(dtype=np.int64)) for index, frame in video.stream(reverse=True)}
        assert list(sums) == list(range(count))[::-1]
        assert [sums[place] for place in places] == [int(frame.sum(dtype=np.int64)) for frame in frames]
        panels = [Panel(frame, number) for number, frame in enumerate(frames, 1)]
        assert len(strip(panels, layout="horizontal", panel=500, quality=90)) == 1
