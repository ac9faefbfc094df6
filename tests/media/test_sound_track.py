"""Videos written with sound: in step, as long as their pictures, and heard again as they were."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from alref_local.demo import draw
from alref_local.media import OverlayWriter, VideoWriter, open_audio, open_video, read_image, write_video
from alref_local.world import make_scene
from tests.media.audio_kit import LEVEL, pitch_of, tone
from tests.media.media_kit import number_of, picture
from tests.media.test_audio import whole

SOUND = tone(2.0, 16_000).astype(np.float32)
FRAMES = [picture(number) for number in range(24)]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_lossless_sound_comes_back_to_half_a_step(tmp_path: Path, name: str) -> None:
    """Figures measured on files would differ from those measured on scenes."""
    write_video(tmp_path / name, FRAMES, 12.0, lossless=True, sound=SOUND)
    audio = open_audio(tmp_path / name)
    assert audio.offset == pytest.approx(0, abs=1e-3)
    heard = whole(audio)
    assert len(heard) == len(SOUND)
    assert np.abs(heard - SOUND).max() <= 0.5 / 32_768 + 1e-6


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_playable_sound_is_heard_at_its_time(tmp_path: Path, name: str) -> None:
    """The sound of an overlay would lag behind its pictures."""
    sound = SOUND.copy()
    sound[:16_000] = 0
    write_video(tmp_path / name, FRAMES, 12.0, sound=sound)
    heard = whole(open_audio(tmp_path / name))
    first = np.flatnonzero(np.abs(heard) > LEVEL / 2)[0]
    assert first == pytest.approx(16_000, abs=300)
    assert pitch_of(heard[17_000:31_000]) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("seconds", [0.5, 2.0, 5.0])
def test_sound_is_cut_to_the_pictures(tmp_path: Path, seconds: float) -> None:
    """Sound that outlasts its pictures freezes the last one in every player."""
    path = tmp_path / "a.mkv"
    write_video(path, FRAMES, 12.0, lossless=True, sound=tone(seconds, 16_000).astype(np.float32))
    with open_video(path) as video:
        assert len(video) == 24
    assert len(whole(open_audio(path))) == min(seconds, 2.0) * 16_000


def test_sound_lies_beside_its_pictures_in_the_file(tmp_path: Path) -> None:
    """A player would have to read a long overlay to its end before it could start."""
    path = tmp_path / "a.mp4"
    with VideoWriter(path, (96, 140), 12.0, sound=(SOUND for _ in range(10))) as writer:
        for number in range(240):
            writer.write(picture(number))
    with av.open(str(path)) as source:
        packets: list[Any] = [packet for packet in source.demux() if packet.size]
        sound = [float(p.pts * p.time_base) for p in packets if p.stream.type == "audio"]
        places = [float(p.dts * p.time_base) for p in packets]
    assert len(sound) > 100
    assert all(after - before > -1.5 for before, after in pairwise(places))


def test_overlays_keep_the_sound(tmp_path: Path) -> None:
    """People could not hear in an overlay what its masks claim to sound."""
    with OverlayWriter(tmp_path / "a.mp4", (96, 140), 12.0, sound=[SOUND[:8_000], SOUND[8_000:]]) as writer:
        for frame in FRAMES:
            writer.write(frame, {}, {})
    assert pitch_of(whole(open_audio(tmp_path / "a.mp4"))) == pytest.approx(440, abs=2)


def test_a_drawn_clip_is_written_with_its_sound_and_truth(tmp_path: Path) -> None:
    """A demo with sound would be mute, or scored against objects that do not sound."""
    scene = make_scene("sound", 5)
    clip = draw(scene, None, tmp_path)
    heard = whole(open_audio(clip), stop=scene.length / scene.fps)
    count = min(len(heard), len(scene.audio))
    assert count == pytest.approx(len(scene.audio), abs=100)
    assert np.corrcoef(heard[:count], scene.audio[:count])[0, 1] > 0.9
    for t in range(scene.length):
        truth = read_image(tmp_path / "truth" / f"{t:05d}.png")[..., 0] > 0
        np.testing.assert_array_equal(truth, scene.masks(t)[scene.sounding(t)].any(axis=0))


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_pictures_with_times_of_their_own_keep_them(tmp_path: Path, name: str) -> None:
    """Sound and pictures of a video whose rate varies would part."""
    times = np.cumsum(np.random.default_rng(1).uniform(0.005, 0.3, 24))
    times -= times[0]
    with VideoWriter(tmp_path / name, (96, 140), 23 / float(times[-1]), sound=[SOUND, SOUND]) as writer:
        for time, frame in zip(times.tolist(), FRAMES, strict=True):
            writer.write(frame, time)
    with open_video(tmp_path / name) as video:
        assert video.timestamps() == pytest.approx(times, abs=1e-3)
        assert [number_of(frame) for _, frame in video.stream()] == list(range(24))
    audio = open_audio(tmp_path / name)
    assert audio.offset == pytest.approx(0, abs=0.07)  # AAC's first frame
    assert audio.duration == pytest.approx(times[-1] * 24 / 23, abs=0.15)
