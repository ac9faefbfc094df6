from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.media.media_kit import Recipe, encode, picture

CHILD = """
import resource, sys
from alref_local.media import open_video
with open_video(sys.argv[1]) as video:
    forward = sum(1 for _ in video.stream())
    backward = sum(1 for _ in video.stream(reverse=True))
    video.frames([0, len(video) // 2, len(video) - 1])
assert forward == backward == len(video)
print(len(video), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_a_hundred_times_the_frames_need_no_more_memory(tmp_path: Path) -> None:
    """If this fails, long videos run out of memory; one keyframe for all 10,000 frames is the worst case."""
    recipe = Recipe("long.mp4", "libx264", options={"g": "99999", "sc_threshold": "0", "preset": "ultrafast"})
    peaks = []
    for count in (100, 10_000):
        path = encode(tmp_path / f"{count}.mp4", recipe, (picture(number, 48, 84) for number in range(count)))
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True
        )
        frames, peak = map(int, done.stdout.split())
        assert frames == count
        peaks.append(peak)
    assert peaks[1] < peaks[0] * 1.25
