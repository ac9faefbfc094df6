from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from alref_local.errors import ConfigError, MediaError
from alref_local.media import open_video, read_image
from alref_local.seams import VideoReader
from tests.media.media_kit import number_of, picture, same


def fill(folder: Path, names: list[str], **how: object) -> Path:
    for number, name in enumerate(names):
        Pil.fromarray(picture(number)).save(folder / name, **how)  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "webp"])
def test_frames_come_in_natural_order_under_their_own_names(tmp_path: Path, suffix: str) -> None:
    """If this fails, frame 10 comes before frame 2, or masks get other names than their frames."""
    stems = ["f1", "f2", "f9", "f10", "f11", "f100"]
    with open_video(fill(tmp_path, [f"{stem}.{suffix}" for stem in stems]), fps=10) as video:
        assert isinstance(video, VideoReader)
        assert [video.frame_name(index) for index in range(len(video))] == stems
        assert [number_of(frame) for _, frame in video.stream()] == list(range(6))
        assert [number_of(frame) for _, frame in video.stream(reverse=True)] == list(range(6))[::-1]
        assert [number_of(frame) for frame in video.frames([4, 0, 4])] == [4, 0, 4]
        assert video.timestamps() == pytest.approx(np.arange(6) / 10)
        assert (video.size, video.fps, video.name) == ((96, 140), 10, tmp_path.name)


def test_png_frames_are_exact_and_always_rgb(tmp_path: Path) -> None:
    """If this fails, grey, palette or transparent frames break the models behind."""
    exact = Pil.fromarray(picture(3))
    for name, mode in (("0", "RGB"), ("1", "RGBA"), ("2", "L"), ("3", "P")):
        exact.convert(mode).save(tmp_path / f"{name}.png")
    with open_video(tmp_path) as video:
        frames = video.frames(range(4))
        assert frames.shape == (4, 96, 140, 3)
        assert same(frames[0], picture(3))
        assert same(frames[1], picture(3))


def test_grey_of_16_bits_keeps_its_shades(tmp_path: Path) -> None:
    """If this fails, frames of microscopes and thermal cameras are white all over, and nothing is found."""
    shades = np.arange(0, 65_536, 5, dtype=np.uint16)[:13_000].reshape(100, 130)
    Pil.fromarray(shades).save(tmp_path / "0.png")
    with open_video(tmp_path) as video:
        (frame,) = video.frames([0])
    assert np.array_equal(frame, np.repeat((shades >> 8)[..., None], 3, axis=2))


def test_masks_beside_the_frames_are_left_out_and_said(tmp_path: Path) -> None:
    """If this fails, an annotation lying in the folder is segmented as a frame."""
    fill(tmp_path, ["00000.jpg", "00001.jpg", "00000_mask.png"])
    (tmp_path / ".hidden.jpg").write_text("")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "sub.jpg").mkdir()
    with open_video(tmp_path) as video:
        assert len(video) == 2
        assert "1 image(s)" in video.warning


def test_one_image_is_a_video_of_one_frame(tmp_path: Path) -> None:
    """If this fails, a person with a photo instead of a video is turned away."""
    fill(tmp_path, ["photo.png", "other.png"])
    with open_video(tmp_path / "photo.png") as video:
        assert (len(video), video.name, video.frame_name(0)) == (1, "photo", "photo")
        assert same(video.frames([0])[0], picture(0))
    with pytest.raises(MediaError, match="no image"):
        open_video(tmp_path / "missing.png")


def test_camera_orientation_is_applied_to_size_and_pixels(tmp_path: Path) -> None:
    """If this fails, photos from a phone lie on their side."""
    exif = Pil.Exif()
    exif[0x0112] = 6
    fill(tmp_path, ["0.jpg"], exif=exif, quality=95)
    with open_video(tmp_path) as video:
        assert video.size == (140, 96)
        assert number_of(np.rot90(video.frames([0])[0])) == 0
    assert read_image(tmp_path / "0.jpg").shape == (140, 96, 3)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_a_frame_rate_that_makes_no_sense_is_refused(tmp_path: Path, fps: float) -> None:
    """If this fails, a mistyped frame rate ends in a division by zero."""
    with pytest.raises(ConfigError, match="frame rate"):
        open_video(fill(tmp_path, ["0.png"]), fps=fps)
