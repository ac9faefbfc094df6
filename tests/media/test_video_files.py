from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alref_local.errors import MediaError
from alref_local.media import VideoFile, open_video
from alref_local.media.cursor import Cursor
from alref_local.seams import VideoReader
from tests.media.media_kit import LOSSLESS, RECIPES, Recipe, clip, encode, number_of, picture, same

COUNT = 50
NAMES = [recipe.name for recipe in RECIPES]


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_is_reached_both_ways_and_at_random(tmp_path: Path, name: str) -> None:
    """If this fails, frames of this kind of file are missing, doubled or out of order."""
    with open_video(clip(tmp_path, name, COUNT)) as video:
        assert isinstance(video, VideoReader)
        assert len(video) == COUNT
        assert video.size == (96, 140)
        assert video.fps == pytest.approx(25)
        assert video.warning == ""
        assert video.timestamps() == pytest.approx(np.arange(COUNT) / 25, abs=1e-3)
        forward = dict(video.stream())
        assert [number_of(frame) for frame in forward.values()] == list(range(COUNT))
        backward = list(video.stream(reverse=True))
        assert [index for index, _ in backward] == list(range(COUNT))[::-1]
        assert all(same(frame, forward[index]) for index, frame in backward)
        order = np.random.default_rng(0).permutation(COUNT).tolist()
        assert all(same(video.frames([index])[0], forward[index]) for index in order)


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_lossless_file_gives_back_every_pixel(tmp_path: Path, name: str) -> None:
    """If this fails, decoding changes colours or positions."""
    with open_video(clip(tmp_path, name, 6)) as video:
        assert same(video.frames(range(6)), np.stack([picture(number) for number in range(6)]))


@pytest.mark.parametrize("size", [(97, 131), (98, 54), (2, 2), (16, 300)])
def test_odd_portrait_and_extreme_sizes_survive(tmp_path: Path, size: tuple[int, int]) -> None:
    """If this fails, videos with such sizes come out cropped, padded or skewed."""
    frames = [picture(number, *size) for number in range(3)]
    path = encode(tmp_path / "odd.mkv", Recipe("odd.mkv", "ffv1", "bgr0"), frames)
    with open_video(path) as video:
        assert video.size == size
        assert same(video.frames([0, 1, 2]), np.stack(frames))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rotation_metadata_turns_the_picture(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    """If this fails, phone videos lie on their side or are mirrored."""
    recipe = Recipe("turned.mp4", "libx264rgb", "rgb24", {"qp": "0"})
    path = encode(
        tmp_path / "turned.mp4",
        recipe,
        [picture(5)],
        prepare=lambda stream: stream.set_display_rotation(degrees, hflip=mirrored),
    )
    upright = np.rot90(picture(5), degrees // 90)
    upright = upright[:, ::-1] if mirrored else upright
    with open_video(path) as video:
        assert video.size == upright.shape[:2]
        assert same(video.frames([0])[0], np.ascontiguousarray(upright))


@pytest.mark.parametrize(
    ("options", "transfer", "says"),
    [
        ({}, 16, "HDR (PQ)"),
        ({}, 18, "HDR (HLG)"),
        ({"x264-params": "interlaced=1"}, 1, "interlaced"),
        ({}, 1, ""),
    ],
)
def test_what_looks_worse_here_than_in_a_player_is_said(
    tmp_path: Path, options: dict[str, str], transfer: int, says: str
) -> None:
    """If this fails, pale or combed frames spoil masks, and nobody knows why."""

    def prepare(stream: Any) -> None:
        stream.codec_context.color_trc = transfer

    frames = [picture(number) for number in range(4)]
    path = encode(tmp_path / "a.mp4", Recipe("a", "libx264", options=options), frames, prepare=prepare)
    with open_video(path) as video:
        assert says in video.warning
        assert bool(video.warning) == bool(says)


def test_variable_frame_rate_keeps_the_times(tmp_path: Path) -> None:
    """If this fails, --start, --end and clips in seconds pick wrong frames of screen recordings."""
    times = np.cumsum(np.random.default_rng(1).integers(5, 300, COUNT))
    path = clip(tmp_path, "h264.mkv", COUNT, times_ms=times.tolist())
    with open_video(path) as video:
        assert video.timestamps() == pytest.approx((times - times[0]) / 1000, abs=1e-3)
        assert video.fps == pytest.approx((COUNT - 1) / (times[-1] - times[0]) * 1000, rel=0.01)
        assert [number_of(frame) for _, frame in video.stream()] == list(range(COUNT))


@pytest.mark.parametrize(
    ("name", "container"),
    [
        ("vp9.webm", {"live": "1"}),
        ("h264.mkv", {"live": "1"}),
        ("h264.mp4", {"movflags": "frag_keyframe+empty_moov"}),
    ],
)
def test_containers_without_counts_or_seek_tables_work(
    tmp_path: Path, name: str, container: dict[str, str]
) -> None:
    """If this fails, recordings of browsers and live streams are cut short or misread."""
    path = clip(tmp_path, name, COUNT, container=container)
    with av.open(str(path)) as raw:
        assert raw.streams.video[0].frames == 0
    with open_video(path) as video:
        assert len(video) == COUNT
        assert [number_of(frame) for frame in video.frames([49, 3, 27, 3])] == [49, 3, 27, 3]
        assert [number_of(frame) for _, frame in video.stream(reverse=True)] == list(range(COUNT))[::-1]


def test_two_streams_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    """If this fails, drawing an overlay while segmenting the same video mixes up frames."""
    with open_video(clip(tmp_path, "h264.mp4", COUNT)) as video:
        pairs = zip(video.stream(), video.stream(reverse=True), strict=True)
        for (_, ahead), (_, behind) in pairs:
            assert number_of(ahead) + number_of(behind) == COUNT - 1
            assert number_of(video.frames([7])[0]) == 7


def test_reverse_and_scattered_reads_decode_each_frame_about_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, going backward through a long shot costs many times what going forward costs."""
    decoded = 0
    original = Cursor._decoded

    def counted(self: Cursor, source: object) -> object:
        nonlocal decoded
        for frame in original(self, source):  # type: ignore[arg-type]
            decoded += 1
            yield frame

    monkeypatch.setattr(Cursor, "_decoded", counted)
    with open_video(clip(tmp_path, "h264-one-key.mp4", 300)) as video:
        decoded = 0
        assert sum(1 for _ in video.stream(reverse=True)) == 300
        assert decoded <= 300 * 1.1
        decoded = 0
        video.frames(range(290, 0, -10))
        assert decoded <= 300 * 1.1


def test_reverse_in_parts_when_the_disk_bound_is_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a long shot of large frames fills the disk or comes back in the wrong order."""
    bound, largest = 7 * 96 * 140 * 3, 0
    monkeypatch.setattr("alref_local.media.video._SPOOL_DISK", bound)

    class Measured(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
        def write(self, data: object) -> int:
            nonlocal largest
            written = super().write(data)
            largest = max(largest, self.tell())
            return written

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Measured)
    with open_video(clip(tmp_path, "h264-one-key.mp4", COUNT)) as video:
        assert [number_of(frame) for _, frame in video.stream(3, 40, reverse=True)] == list(range(3, 40))[
            ::-1
        ]
    assert largest == bound


def test_frames_handed_out_can_be_written_to(tmp_path: Path) -> None:
    """If this fails, drawing on a streamed frame raises or spoils the next one."""
    with open_video(clip(tmp_path, "h264.mp4", 20)) as video:
        for reverse in (False, True):
            for _, frame in video.stream(reverse=reverse):
                frame[:] = 0
        assert [number_of(frame) for frame in video.frames(range(20))] == list(range(20))


def test_indices_outside_the_video_are_refused(tmp_path: Path) -> None:
    """If this fails, a wrong frame number silently gives some other frame."""
    with open_video(clip(tmp_path, "h264.mp4", 5)) as video:
        for index in (-1, 5):
            with pytest.raises(IndexError, match="0 to 4"):
                video.frames([index])
        assert video.frames([]).shape == (0, 96, 140, 3)
        assert [index for index, _ in video.stream(3, 99)] == [3, 4]
        assert video.frame_name(3) == "00003"


@pytest.fixture(scope="module")
def shared_video(tmp_path_factory: pytest.TempPathFactory) -> VideoFile:
    return VideoFile(clip(tmp_path_factory.mktemp("shared"), "hevc.mp4", COUNT))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    indices=st.lists(st.integers(0, COUNT - 1), max_size=8),
    span=st.tuples(st.integers(0, COUNT), st.integers(0, COUNT)),
)
def test_any_order_of_requests_gives_the_right_frames(
    shared_video: VideoFile, indices: list[int], span: tuple[int, int]
) -> None:
    """If this fails, what a frame number means depends on what was read before it."""
    assert [number_of(frame) for frame in shared_video.frames(indices)] == indices
    expected = list(range(*span))
    assert [number_of(frame) for _, frame in shared_video.stream(*span)] == expected
    assert [number_of(frame) for _, frame in shared_video.stream(*span, reverse=True)] == expected[::-1]


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a full temporary folder ends a run in a traceback."""

    def full(spool: object, data: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.write", full)
    with open_video(clip(tmp_path, "h264.mp4", 5)) as video:
        with pytest.raises(MediaError, match="no room") as caught:
            list(video.stream(reverse=True))
        assert "TMPDIR" in caught.value.hint
        assert number_of(video.frames([2])[0]) == 2
