from __future__ import annotations

import logging
from pathlib import Path

import pytest

from alref_local.errors import MediaError
from alref_local.media import open_video
from tests.media.media_kit import clip, cut, number_of, spoil

COUNT = 100


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """An mp4 whose index comes first, as the web serves them."""
    return clip(tmp_path, "h264.mp4", COUNT, container={"movflags": "+faststart"})


def numbers(path: Path) -> tuple[list[int], str]:
    with open_video(path) as video:
        found = [number_of(frame) for _, frame in video.stream()]
        assert len(found) == len(video) == len(video.timestamps())
        assert [number_of(frame) for _, frame in video.stream(reverse=True)] == found[::-1]
        return found, video.warning


def test_a_cut_off_mkv_ends_where_its_pictures_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """If this fails, an interrupted recording stops a run in the middle, or ends it without a word."""
    with caplog.at_level(logging.WARNING):
        found, warning = numbers(cut(clip(tmp_path, "h264.mkv", COUNT), 0.6, name="cut.mkv"))
    assert 30 < len(found) < 90
    assert found == sorted(set(found))
    assert warning.startswith("cut.mkv is")
    assert warning in caplog.text


def test_an_mp4_cut_off_behind_its_index_is_shortened(film: Path) -> None:
    """If this fails, frames that were never downloaded are asked for."""
    found, warning = numbers(cut(film, 0.6, name="cut.mp4"))
    assert 20 < len(found) < 90
    assert found == sorted(set(found))
    assert "cut.mp4 is" in warning


@pytest.mark.parametrize("share", [0.4, 0.75, 0.97])
def test_a_tail_of_zeros_is_cut_off(film: Path, share: float) -> None:
    """If this fails, a download with a reserved but empty end gives grey or repeated frames."""
    found, warning = numbers(spoil(film, share, 1, name="zeros.mp4"))
    assert found == list(range(len(found)))
    assert share * COUNT * 0.4 < len(found) < COUNT
    assert f"the last {COUNT - len(found)} frame(s) cannot be decoded" in warning


def test_damage_in_the_middle_keeps_the_frame_numbers(film: Path, caplog: pytest.LogCaptureFixture) -> None:
    """If this fails, one bad sector ends a video or shifts every frame after it."""
    with caplog.at_level(logging.WARNING), open_video(spoil(film, 0.45, 0.6, name="hole.mp4")) as video:
        assert len(video) == COUNT
        found = [number_of(frame) for _, frame in video.stream()]
    healthy = [index for index, number in enumerate(found) if index == number]
    assert set(range(20)) | set(range(85, COUNT)) <= set(healthy)
    assert len(healthy) < COUNT
    assert caplog.text.count("stands in") == 1


def test_nothing_decodable_is_an_error(film: Path) -> None:
    """If this fails, a video of broken pictures runs through and gives empty masks."""
    with pytest.raises(MediaError, match=r"No frame of .* can be decoded"):
        open_video(spoil(film, 0.25, 1, name="dead.mp4"))
