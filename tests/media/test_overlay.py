from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from alref_local.errors import MediaError, PrerequisiteError
from alref_local.media import OverlayWriter, cutout, draw, open_video, track_colour, write_video
from alref_local.types import Image

FRAME: Image = np.full((240, 320, 3), 100, np.uint8)
MASK = np.zeros((240, 320), bool)
MASK[100:180, 50:150] = True


def test_masks_are_tinted_and_outlined_and_the_rest_untouched() -> None:
    """If this fails, the overlay shows the object in the wrong place or changes the picture around it."""
    picture = draw(FRAME, {4: MASK}, {})
    assert np.array_equal(picture[~MASK], FRAME[~MASK])
    colour = np.array(track_colour(4))
    assert np.array_equal(picture[100, 60], colour)
    assert np.array_equal(picture[140, 149], colour)
    inner = picture[140, 100]
    assert np.allclose(inner, 100 * 0.55 + colour * 0.45, atol=1)
    assert (FRAME == 100).all()


def test_a_mask_at_the_border_has_its_outline_inside() -> None:
    """If this fails, objects leaving the picture lose their outline or crash the writer."""
    picture = draw(FRAME, {0: np.ones((240, 320), bool)}, {0: "everything"})
    assert np.array_equal(picture[239, 160], np.array(track_colour(0)))


def test_labels_stay_inside_the_picture_and_empty_masks_have_none() -> None:
    """If this fails, names are cut off, or float about where there is no object."""
    corner = np.zeros_like(MASK)
    corner[0:5, 310:320] = True
    picture = draw(FRAME, {1: corner, 2: np.zeros_like(MASK)}, {1: "a very long sentence " * 9, 2: "absent"})
    changed = (picture != FRAME).any(axis=2)
    assert changed[:40].any()
    assert not changed[40:].any()
    tiny = draw(FRAME[:8, :8], {1: MASK[100:108, 60:68]}, {1: "wide"})
    assert tiny.shape == (8, 8, 3)


def test_neighbouring_tracks_have_distinct_lasting_colours() -> None:
    """If this fails, two objects cannot be told apart, or change colour between runs."""
    colours = [np.array(track_colour(track)) for track in range(8)]
    assert all(np.abs(a - b).max() > 60 for a, b in pairwise(colours))
    assert track_colour(3) == track_colour(3)


def test_cutouts_carry_the_mask_as_alpha() -> None:
    """If this fails, cut-outs show background, or lose the object."""
    result = cutout(FRAME, MASK)
    assert result.shape == (240, 320, 4)
    assert result.dtype == np.uint8
    assert np.array_equal(result[..., 3], MASK * 255)
    assert (result[MASK][:, :3] == 100).all()
    assert not result[~MASK].any()


@pytest.mark.parametrize("size", [(240, 320), (97, 131)])
def test_the_overlay_is_a_file_that_browsers_play(tmp_path: Path, size: tuple[int, int]) -> None:
    """If this fails, the overlay opens in some players only, or starts only after a full download."""
    frame, mask = FRAME[: size[0], : size[1]], MASK[: size[0], : size[1]]
    path = tmp_path / "overlay.mp4"
    with OverlayWriter(path, size, 30_000 / 1001) as writer:
        for _ in range(10):
            writer.write(frame, {0: mask}, {0: "dog"})
        assert not path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["overlay.mp4"]
    with av.open(str(path)) as raw:
        context = raw.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.height % 2, context.width % 2) == (0, 0)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    with open_video(path) as video:
        assert len(video) == 10
        assert video.fps == pytest.approx(29.97, abs=0.001)
        shown = video.frames([5])[0][: size[0], : size[1]].astype(int)
        assert np.abs(shown - draw(frame, {0: mask}, {0: "dog"})).mean() < 4


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_overlay_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    """If this fails, a stopped run leaves half a video that looks like a whole one."""

    def frames() -> Iterator[Image]:
        yield FRAME
        raise error

    with pytest.raises(error):
        write_video(tmp_path / "overlay.mp4", frames(), 25)
    assert list(tmp_path.iterdir()) == []


def test_an_old_overlay_survives_a_failed_new_one(tmp_path: Path) -> None:
    """If this fails, a run that fails destroys the result of the run before."""
    path = tmp_path / "overlay.mp4"
    write_video(path, [FRAME] * 2, 25)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="shape"), OverlayWriter(path, (240, 320), 25) as writer:
        writer.write(FRAME[:100], {}, {})
    assert path.read_bytes() == before


def test_a_missing_encoder_is_a_prerequisite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, an FFmpeg without H.264 ends in a traceback instead of a way out."""

    def unknown(name: str, mode: str) -> None:
        raise av.codec.codec.UnknownCodecError(name)

    monkeypatch.setattr(av, "Codec", unknown)
    with pytest.raises(PrerequisiteError) as caught:
        OverlayWriter(tmp_path / "overlay.mp4", (240, 320), 25)
    assert "pip install" in caught.value.hint


def test_unwritable_places_are_said(tmp_path: Path) -> None:
    """If this fails, a wrong output folder is found out only by a traceback."""
    for path in (tmp_path / "missing" / "a.mp4", tmp_path / "a.txt"):
        with pytest.raises(MediaError, match="cannot be written"):
            write_video(path, [FRAME], 25)
    (tmp_path / "taken.mp4").mkdir()
    with pytest.raises(MediaError, match="cannot be written"):
        write_video(tmp_path / "taken.mp4", [FRAME], 25)
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken.mp4"]
    with pytest.raises(MediaError, match="no frames"):
        write_video(tmp_path / "none.mp4", [], 25)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_lossless_clips_keep_every_pixel(tmp_path: Path, name: str) -> None:
    """If this fails, drawn clips no longer match their exact truth."""
    frames = np.random.default_rng(0).integers(0, 256, (7, 47, 63, 3), dtype=np.uint8)
    write_video(tmp_path / name, frames, 12.5, lossless=True)
    with open_video(tmp_path / name) as video:
        assert np.array_equal(video.frames(range(7)), frames)
        assert video.fps == pytest.approx(12.5)
