"""The overlay of what sounds: names, a timeline, and the sound itself."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from alref_local.masks import encode_stack
from alref_local.media import open_video, track_colour
from alref_local.media.audio import Audio, has_audio, open_audio
from alref_local.runs import RunFolder
from alref_local.runs.overlay import write_overlay
from alref_local.select.stretches import Hearing
from alref_local.types import Image, MaskTrack, Query, Spans, TargetResult
from tests.fakes import ArrayVideo, levels

SIZE = (120, 160)
VIDEO = ArrayVideo(np.full((20, *SIZE, 3), 90, np.uint8))


def thing(name: str, track_id: int, when: Spans | None, *, seen: bool = True) -> TargetResult:
    """A thing in a square of its own, from 0.5 s on."""
    stack = np.zeros((20, *SIZE), bool)
    stack[5:, 40:80, 20 + 60 * track_id : 60 + 60 * track_id] = True
    track = MaskTrack(track_id, SIZE, encode_stack(stack), (1.0,) * 20)
    query = Query(f"sound-{name}", f"the {name} that is making sound", category=name)
    return TargetResult(query, "ok", (track,) if seen else (), sounding=when)


class Uneven(ArrayVideo):
    """Ten frames in the first second, then one a second."""

    def timestamps(self) -> NDArray[np.float64]:
        return np.concatenate([np.arange(10) / 10, np.arange(1.0, 11.0)])


UNEVEN = Uneven(VIDEO.images, fps=19 / 10)


def written(
    folder: Path, *results: TargetResult, hearing: Hearing | None = None, shown: ArrayVideo = VIDEO
) -> tuple[Image, Path]:
    """The frames of the overlay, and its file."""
    run = RunFolder(folder)
    write_overlay(run, shown, results, hearing=hearing)
    with open_video(run.overlay_path) as video:
        return video.frames(range(len(video))), run.overlay_path


def near(frame: Image, colour: tuple[int, int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray(np.abs(frame.astype(int) - colour).max(axis=2) < 60)


def test_a_timeline_shows_what_sounds_when(tmp_path: Path) -> None:
    """Nobody sees from the overlay who sounds, or that the video goes on while a thing is silent."""
    both = TargetResult(Query("sound", sound=True), "ok", sounding=((0, 2),))
    dog, train = thing("dog", 0, ((0, 1),)), thing("train", 1, ((1, 2),))
    frames, _ = written(tmp_path, both, dog, train)
    assert len(frames) == 20
    assert frames.shape[1] > SIZE[0]
    strip = frames[0, SIZE[0] :]
    left, right = (near(strip, track_colour(number)).nonzero()[1] for number in (0, 1))
    assert left.max() <= right.min() + 2
    cursors = [int(frame[SIZE[0] :, 34:].min(axis=2).mean(axis=0).argmax()) for frame in frames]
    assert all(a < b for a, b in pairwise(cursors[::4]))
    assert np.abs(frames[0, : SIZE[0]].astype(int) - 90).mean() < 2


def test_things_are_named_by_a_word(tmp_path: Path) -> None:
    """Names would hide half of a small picture, or be missing."""
    frames, _ = written(tmp_path, thing("dog", 0, None))
    named = np.abs(frames[10, :38].astype(int) - 90).max(axis=2) > 40
    assert named.any()
    assert np.ptp(named.nonzero()[1]) < 60


def test_without_knowing_what_sounds_when_there_is_no_timeline(tmp_path: Path) -> None:
    """A run without an aligner would claim that everything sounds, or grow its video."""
    frames, path = written(tmp_path, thing("dog", 0, None))
    assert frames.shape[1:3] == SIZE
    assert not has_audio(path)


def test_what_is_heard_and_not_seen_has_a_row_too(tmp_path: Path) -> None:
    """The strip hides that something sounds that was not found."""
    one, _ = written(tmp_path / "a", thing("dog", 0, ((0, 1),)))
    two, _ = written(tmp_path / "b", thing("dog", 0, ((0, 1),)), thing("cat", 1, ((1, 2),), seen=False))
    assert two.shape[1] - SIZE[0] == pytest.approx(2 * (one.shape[1] - SIZE[0]), abs=2)


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_the_sound_is_that_of_the_pictures(tmp_path: Path, start: float) -> None:
    """The overlay is silent, or with --start sounds from another place than it shows."""
    sound = levels(0.4, 0.05, 0.4, 0.05)
    _, path = written(tmp_path, thing("dog", 0, ((0, 1),)), hearing=Hearing(cast(Audio, sound), start))
    audio = open_audio(path)
    assert audio.duration == pytest.approx(2.0, abs=0.2)
    (heard,) = (window.samples for window in audio.windows(60.0, stop=2.0))
    first, second = (float(np.abs(part).mean()) for part in (heard[4_000:12_000], heard[20_000:28_000]))
    assert (first > 3 * second) if start == 0 else (second > 3 * first)


def test_frames_are_shown_at_their_times(tmp_path: Path) -> None:
    """Pictures of a phone or a screen recording run ahead of their sound and of the timeline, by seconds."""
    frames, path = written(
        tmp_path,
        thing("dog", 0, ((0, 1),)),
        hearing=Hearing(cast(Audio, levels(0.4, *[0.05] * 10)), 0.0),
        shown=UNEVEN,
    )
    with open_video(path) as video:
        assert video.timestamps() == pytest.approx(UNEVEN.timestamps(), abs=1e-3)
    assert open_audio(path).duration == pytest.approx(10 + 10 / 19, abs=0.2)
    lit = near(frames[0, SIZE[0] :], track_colour(0)).nonzero()[1].max()
    cursors = [int(frame[SIZE[0] :, 34:].min(axis=2).mean(axis=0).argmax()) + 34 for frame in frames]
    assert cursors[9] <= lit + 2 < cursors[11]


def test_times_that_frames_at_a_constant_rate_keep_change_nothing(tmp_path: Path) -> None:
    """Every overlay changes with the last digit of a time stamp, or a broken clock shows one frame for a day."""

    class Rounded(ArrayVideo):
        def timestamps(self) -> NDArray[np.float64]:
            return np.round(super().timestamps() + 0.004, 2)

    class Leaping(ArrayVideo):
        def timestamps(self) -> NDArray[np.float64]:
            times = super().timestamps()
            times[10:] += 1e6
            return times

    _, plain = written(tmp_path / "plain")
    for name, kind in (("rounded", Rounded), ("leaping", Leaping)):
        _, path = written(tmp_path / name, shown=kind(VIDEO.images))
        assert path.read_bytes() == plain.read_bytes()
