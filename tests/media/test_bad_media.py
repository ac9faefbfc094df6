from __future__ import annotations

import os
import socket
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pil
from PIL import ImageFile

from alref_local.errors import MediaError
from alref_local.media import open_video, read_image
from tests.media.media_kit import clip, cut


def text_file(folder: Path) -> Path:
    (folder / "notes.mp4").write_text("dear diary\n" * 200)
    return folder / "notes.mp4"


def folder_of_text(folder: Path) -> Path:
    (folder / "readme.txt").write_text("nothing to see")
    return folder


def empty_folder(folder: Path) -> Path:
    return folder


def empty_file(folder: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def missing(folder: Path) -> Path:
    return folder / "nowhere.mp4"


def below_a_file(folder: Path) -> Path:
    return text_file(folder) / "deeper.mp4"


def without_its_index(folder: Path) -> Path:
    return cut(clip(folder, "h264.mp4", 20), 0.5, name="half.mp4")


def sound_only(folder: Path, *, cover: bool = False) -> Path:
    path = folder / "sound.mp4"
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("aac", rate=16_000)
        art = sink.add_stream("mjpeg", rate=1) if cover else None
        if art is not None:
            art.width, art.height, art.pix_fmt = 32, 32, "yuvj420p"
            art.disposition = av.stream.Disposition.attached_pic
            sink.mux(art.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
            sink.mux(art.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate, silence.time_base = 16_000, Fraction(1, 16_000)
        silence.pts = 8_000  # half a second late, which would count beside pictures
        sink.mux(stream.encode(silence))
        sink.mux(stream.encode())
    return path


def sound_with_cover(folder: Path) -> Path:
    return sound_only(folder, cover=True)


def playlist(folder: Path) -> Path:
    clip(folder, "h264.ts", 20)
    path = folder / "list.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nh264.ts\n#EXT-X-ENDLIST\n")
    return path


def concat_script(folder: Path) -> Path:
    clip(folder, "h264.mp4", 20)
    path = folder / "script.mp4"
    path.write_text("ffconcat version 1.0\nfile h264.mp4\n")
    return path


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.mp4")
    return folder / "pipe.mp4"


def unix_socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "socket.mp4"))
    return folder / "socket.mp4"


def device(folder: Path) -> Path:
    return Path("/dev/zero")


def url(folder: Path) -> Path:
    return Path("http://127.0.0.1:9/video.mp4")


def text_named_jpg(folder: Path) -> Path:
    (folder / "0.jpg").write_text("not a picture")
    return folder


def sizes_that_differ(folder: Path) -> Path:
    Pil.new("RGB", (20, 10)).save(folder / "0.png")
    Pil.new("RGB", (10, 20)).save(folder / "1.png")
    return folder


def one_name_twice(folder: Path) -> Path:
    for suffix in ("jpg", "jpeg"):
        Pil.new("RGB", (20, 10)).save(folder / f"0.{suffix}")
    return folder


def huge_image(folder: Path) -> Path:
    Pil.new("1", (20_000, 10_000)).save(folder / "0.png")
    return folder


def large_image(folder: Path) -> Path:
    Pil.new("1", (10_000, 9_000)).save(folder / "0.png")
    return folder / "0.png"


CASES: list[tuple[Callable[[Path], Path], str]] = [
    (text_file, "not a readable video"),
    (folder_of_text, "holds no frames"),
    (empty_folder, "is empty"),
    (empty_file, "is empty"),
    (missing, "no file"),
    (below_a_file, "no file"),
    (without_its_index, "not a readable video"),
    (sound_only, "no video stream"),
    (sound_with_cover, "no video stream"),
    (playlist, "not a readable video"),
    (concat_script, "not a readable video"),
    (pipe, "not a regular file"),
    (unix_socket, "not a regular file"),
    (device, "not a regular file"),
    (url, "no file"),
    (text_named_jpg, "not a readable JPEG"),
    (sizes_that_differ, "differ in size"),
    (one_name_twice, "two frames named 0"),
    (huge_image, "more than 89 megapixels"),
    (large_image, "more than 89 megapixels"),
]


@pytest.mark.parametrize(("make", "message"), CASES, ids=[make.__name__ for make, _ in CASES])
def test_bad_input_is_one_sentence_and_a_hint(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[Path], Path], message: str
) -> None:
    """If this fails, this kind of bad input ends in a traceback, in FFmpeg's chatter, or in a hang."""
    path = make(tmp_path)
    capfd.readouterr()
    with pytest.raises(MediaError, match=message) as caught:
        open_video(path)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert capfd.readouterr() == ("", "")


def test_a_huge_image_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, one crafted image takes the machine's memory."""
    path = huge_image(tmp_path) / "0.png"
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("its pixels were decoded"))
    with pytest.raises(MediaError, match="megapixels"):
        read_image(path)


def test_a_frame_that_breaks_off_is_named(tmp_path: Path) -> None:
    """If this fails, nobody learns which of ten thousand frames is damaged."""
    for name in ("0.jpg", "1.jpg"):
        Pil.effect_noise((64, 64), 50).save(tmp_path / name)
    cut(tmp_path / "1.jpg", 0.5, name="1.jpg")
    with open_video(tmp_path) as video:
        assert len(video) == 2
        with pytest.raises(MediaError, match=r"1\.jpg is damaged"):
            video.frames([0, 1])


def test_reading_after_close_is_said(tmp_path: Path) -> None:
    """If this fails, using a closed video crashes the process instead of raising."""
    with open_video(clip(tmp_path, "h264.mp4", 5)) as video:
        pass
    video.close()
    with pytest.raises(MediaError, match="closed"):
        video.frames([0])
