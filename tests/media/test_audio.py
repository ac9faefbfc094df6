"""Sound in any file becomes mono 16 kHz windows on the video's clock."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pil

from alref_local.errors import MediaError
from alref_local.media.audio import Audio, has_audio, open_audio
from tests.media.audio_kit import LEVEL, TONE, Format, pitch_of, tone, write_sound, write_wave
from tests.media.media_kit import clip, cut, spoil

FORMATS = (
    Format("a.flac", "flac"),
    Format("a.flac", "flac", 96_000),
    Format("a.flac", "flac", 48_000, "5.1"),
    Format("a.mp3", "libmp3lame", 44_100),
    Format("a.ogg", "libopus"),
    Format("a.m4a", "alac", 44_100, "mono"),
    Format("a.mkv", "flac", 48_000, "7.1"),
    Format("a.aac", "aac", 22_050),
    Format("a.aiff", "pcm_s16be", 44_100),
    Format("a.au", "pcm_s16be", 8_000, "mono"),
    Format("a.caf", "pcm_s24be", 32_000),
    Format("a.wma", "wmav2", 44_100),
    Format("a.ac3", "ac3", 48_000, "5.1"),
    Format("a.wav", "pcm_f32le", 192_000),
    Format("a.wav", "pcm_mulaw", 8_000, "mono"),
    Format("a.wav", "adpcm_ms", 22_050),
    Format("a.wav", "pcm_s16le", 16_000, "7 channels"),
)
WITH_PICTURES = (
    Format("v.mp4", "aac", 44_100),
    Format("v.mov", "pcm_s16le", 48_000),
    Format("v.mkv", "flac", 16_000, "mono"),
    Format("v.mkv", "libopus", 48_000, "5.1"),
    Format("v.avi", "libmp3lame", 44_100),
    Format("v.ts", "mp2", 48_000),
)


def whole(audio: Audio, **how: float) -> NDArray[np.float32]:
    """All samples in one array."""
    return np.concatenate([window.samples for window in audio.windows(**how)])


def assert_tone(samples: NDArray[np.float32], *, level: float = LEVEL) -> None:
    assert pitch_of(samples) == pytest.approx(TONE, abs=2)
    assert np.sqrt(2 * np.square(samples, dtype=float).mean()) == pytest.approx(level, rel=0.06)


@pytest.mark.parametrize("form", FORMATS, ids=lambda f: f"{f.name}-{f.codec}-{f.rate}-{f.layout}")
def test_every_format_is_heard_alike(tmp_path: Path, form: Format) -> None:
    """If this fails, this kind of file is refused, sped up, or too loud."""
    path = write_sound(tmp_path / form.name, form, tone(1.5, form.rate))
    audio = open_audio(path)
    assert has_audio(path)
    assert audio.offset == 0
    assert audio.warning == ""
    assert audio.duration == pytest.approx(1.5, abs=0.1)
    samples = whole(audio)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(24_000, abs=1_800)
    assert_tone(samples[2_000:20_000])


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("rate", [8_000, 11_025, 96_000])
def test_every_depth_of_a_wave_file_is_heard_alike(tmp_path: Path, bits: int, rate: int) -> None:
    """If this fails, recordings of this depth come out as noise or at half their level."""
    samples = whole(open_audio(write_wave(tmp_path / "a.wav", 1.0, rate=rate, bits=bits, channels=2)))
    assert len(samples) == pytest.approx(16_000, abs=40)
    assert_tone(samples[500:15_500])


@pytest.mark.parametrize("form", WITH_PICTURES, ids=lambda f: f"{f.name}-{f.codec}")
@pytest.mark.parametrize("late", [0.0, 0.7])
def test_a_track_keeps_its_place_beside_the_pictures(tmp_path: Path, form: Format, late: float) -> None:
    """If this fails, an object counts as silent while it sounds, because its sound is shifted."""
    if form.name == "v.avi":
        late = 0.0  # the format knows no other
    path = write_sound(tmp_path / form.name, form, tone(2.0, form.rate), at=late, pictures=20)
    audio = open_audio(path)
    assert audio.offset == pytest.approx(late, abs=0.05)
    samples = whole(audio)
    begin = int((late - 0.1) * 16_000)
    assert not np.abs(samples[: max(begin, 0)]).any()
    assert_tone(samples[begin + 4_000 : begin + 24_000])


def test_a_track_that_begins_before_the_pictures_is_cut_to_them(tmp_path: Path) -> None:
    """If this fails, all sound comes too late by what was recorded before the first frame."""
    sound = np.concatenate([0.2 * tone(0.5, 16_000), tone(1.5, 16_000)])
    form = Format("v.mkv", "flac", 16_000, "mono")
    audio = open_audio(write_sound(tmp_path / form.name, form, sound, at=-0.5, pictures=20))
    assert audio.offset == pytest.approx(-0.5, abs=0.005)
    assert len(whole(audio)) == pytest.approx(24_000, abs=80)
    assert_tone(whole(audio))


def test_a_gap_in_the_stamps_is_silence(tmp_path: Path) -> None:
    """If this fails, everything after a lost stretch of a recording sounds too early."""
    form = Format("a.mkv", "flac", 16_000, "mono")
    samples = whole(open_audio(write_sound(tmp_path / form.name, form, tone(4.0, 16_000), skip=(10, 30))))
    expected = tone(4.0, 16_000)
    expected[10 * 1_024 : 30 * 1_024] = 0
    assert len(samples) == len(expected)
    places = np.flatnonzero(np.abs(samples - expected) > 1e-3)
    assert len(places) <= 2 * 4_608  # a frame of FLAC on either side


def test_sound_longer_or_shorter_than_the_video(tmp_path: Path) -> None:
    """If this fails, sound after the last frame names objects that nobody sees, or short sound stops the run."""
    audio = open_audio(write_wave(tmp_path / "a.wav", 3.0))
    assert len(whole(audio, stop=2.0)) == 32_000
    assert len(whole(audio, stop=9.0)) == 48_000
    assert len(whole(audio, start=1.0, stop=1.5)) == 8_000
    first = next(audio.windows(start=1.0))
    assert first.start == 1.0
    np.testing.assert_array_equal(first.samples, whole(audio)[16_000:])
    with pytest.raises(MediaError, match="no sound within the video") as caught:
        list(audio.windows(start=4.0, stop=5.0))
    assert "0.0 to 3.0 s" in caught.value.hint


@pytest.mark.parametrize(
    ("seconds", "lengths"),
    [(0.1, [0.1]), (9.0, [9.0]), (10.4, [10.4]), (11.0, [10, 1]), (20.5, [10, 10.5]), (25, [10, 10, 5])],
)
def test_windows_tile_the_sound(tmp_path: Path, seconds: float, lengths: list[float]) -> None:
    """If this fails, a sound is lost between windows, or a tail too short to judge gets tags of its own."""
    audio = open_audio(write_wave(tmp_path / "a.wav", seconds))
    windows = list(audio.windows())
    assert [len(w.samples) / 16_000 for w in windows] == pytest.approx(lengths)
    assert [w.start for w in windows] == pytest.approx(np.cumsum([0, *lengths[:-1]]))
    np.testing.assert_allclose(np.concatenate([w.samples for w in windows]), tone(seconds, 16_000), atol=1e-4)


def test_one_sample_is_a_sound(tmp_path: Path) -> None:
    """If this fails, the shortest file ends in a traceback."""
    assert [len(w.samples) for w in open_audio(write_wave(tmp_path / "a.wav", 1 / 16_000)).windows()] == [1]


def test_silence_is_a_sound(tmp_path: Path) -> None:
    """If this fails, a muted recording is an error instead of an answer: nothing sounds."""
    form = Format("a.flac", "flac", 16_000, "mono")
    samples = whole(open_audio(write_sound(tmp_path / form.name, form, np.zeros(16_000))))
    assert len(samples) == 16_000
    assert not samples.any()


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_samples_beyond_full_scale_or_not_numbers_are_tamed(tmp_path: Path, layout: str) -> None:
    """If this fails, one broken sample of a float recording makes every tag NaN, or numpy complains to people."""
    loud = 8 * tone(0.5, 16_000)
    loud[100:104] = [np.nan, np.inf, -np.inf, 3e38]
    form = Format("a.wav", "pcm_f32le", 16_000, layout)
    samples = whole(open_audio(write_sound(tmp_path / form.name, form, loud)))
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() == 1


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    """If this fails, a song with a cover is out of step with a film that has none."""
    from tests.media.test_bad_media import sound_with_cover

    assert open_audio(sound_with_cover(tmp_path)).offset == 0


def test_a_rate_that_changes_on_the_way(tmp_path: Path) -> None:
    """If this fails, a stream glued from two broadcasts is sped up from the joint on."""
    parts = [
        write_sound(tmp_path / f"{rate}.aac", Format("a", "aac", rate, layout), tone(1.0, rate)).read_bytes()
        for rate, layout in ((44_100, "stereo"), (22_050, "mono"))
    ]
    (tmp_path / "both.aac").write_bytes(b"".join(parts))
    samples = whole(open_audio(tmp_path / "both.aac"))
    assert len(samples) == pytest.approx(32_000, abs=3_200)
    assert_tone(samples[2_000:14_000])
    assert_tone(samples[20_000:30_000])


def wave_of_unknown_length(folder: Path) -> Path:
    path = write_wave(folder / "a.wav", 2.0)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFFFFFF)  # as when written to a pipe
    path.write_bytes(bytes(data))
    return path


def half_a_wave(folder: Path) -> Path:
    return cut(write_wave(folder / "a.wav", 4.0), 0.5, name="half.wav")


def half_a_flac(folder: Path) -> Path:
    form = Format("a.flac", "flac", 16_000, "mono")
    return cut(write_sound(folder / form.name, form, tone(4.0, 16_000)), 0.5, name="half.flac")


def half_a_film(folder: Path) -> Path:
    form = Format("v.mkv", "flac", 16_000, "mono")
    return cut(write_sound(folder / form.name, form, tone(4.0, 16_000), pictures=40), 0.7, name="half.mkv")


def spoilt_mp3(folder: Path) -> Path:
    form = Format("a.mp3", "libmp3lame", 44_100)
    return spoil(write_sound(folder / form.name, form, tone(4.0, 44_100)), 0.4, 0.6, name="spoilt.mp3")


@pytest.mark.parametrize(
    "make",
    [wave_of_unknown_length, half_a_wave, half_a_flac, half_a_film, spoilt_mp3],
    ids=lambda m: m.__name__,
)
def test_damaged_files_give_what_is_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[Path], Path]
) -> None:
    """If this fails, an interrupted recording is lost whole, or FFmpeg's chatter is all that is said."""
    path = make(tmp_path)
    capfd.readouterr()
    audio = open_audio(path)
    samples = whole(audio)
    assert len(samples) >= 0.4 * 32_000
    assert_tone(samples[3_000:10_000])
    assert ("cut off" in audio.warning) == (make is half_a_film)  # the others' headers promise nothing
    assert capfd.readouterr() == ("", "")


def pictures_only(folder: Path) -> Path:
    return clip(folder, "h264.mp4", 5)


def empty(folder: Path) -> Path:
    (folder / "a.wav").touch()
    return folder / "a.wav"


def header_only(folder: Path) -> Path:
    return write_wave(folder / "a.wav", 0.0)


def half_a_header(folder: Path) -> Path:
    return cut(write_wave(folder / "a.wav", 0.0), 0.5, name="b.wav")


def text(folder: Path) -> Path:
    (folder / "a.mp3").write_text("la la la\n" * 500)
    return folder / "a.mp3"


def image(folder: Path) -> Path:
    Pil.new("RGB", (40, 30)).save(folder / "a.png")
    return folder / "a.png"


def without_its_index(folder: Path) -> Path:
    form = Format("v.mp4", "aac")
    return cut(write_sound(folder / form.name, form, tone(2.0, 48_000), pictures=20), 0.5, name="half.mp4")


def playlist(folder: Path) -> Path:
    write_wave(folder / "a.wav", 1.0)
    (folder / "list.mp3").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\na.wav\n#EXT-X-ENDLIST\n")
    return folder / "list.mp3"


def script(folder: Path) -> Path:
    write_wave(folder / "a.wav", 1.0)
    (folder / "script.wav").write_text("ffconcat version 1.0\nfile a.wav\n")
    return folder / "script.wav"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.wav")
    return folder / "a.wav"


BAD: list[tuple[Callable[[Path], Path], str]] = [
    (pictures_only, "no sound track"),
    (empty, "is empty"),
    (header_only, "No sound of"),
    (half_a_header, "no readable sound"),
    (text, "no readable sound"),
    (image, "no readable sound"),
    (without_its_index, "no readable sound"),
    (playlist, "no readable sound"),
    (script, "no readable sound"),
    (pipe, "not a regular file"),
    (lambda folder: folder, "not a regular file"),
    (lambda folder: folder / "nowhere.wav", "no file"),
    (lambda folder: Path("http://127.0.0.1:9/a.wav"), "no file"),
    (lambda folder: Path("/dev/zero"), "not a regular file"),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=[message for _, message in BAD])
def test_what_holds_no_sound_is_one_sentence_and_a_hint(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[Path], Path], message: str
) -> None:
    """If this fails, this kind of bad input ends in a traceback, in FFmpeg's chatter, or in a hang."""
    path = make(tmp_path)
    capfd.readouterr()
    with pytest.raises(MediaError, match=message) as caught:
        open_audio(path)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert capfd.readouterr() == ("", "")


def test_frames_and_images_have_no_sound(tmp_path: Path) -> None:
    """If this fails, asking a folder of frames for its sound stops the run before --audio is looked at."""
    assert not has_audio(tmp_path)
    assert not has_audio(image(tmp_path))
    assert not has_audio(pictures_only(tmp_path))


def test_a_sound_that_claims_to_last_for_days_is_refused(tmp_path: Path) -> None:
    """If this fails, one damaged time stamp asks for days of silence."""
    form = Format("a.mkv", "pcm_s16le", 16_000, "mono")
    path = write_sound(tmp_path / form.name, form, tone(1.0, 16_000), jump=13 * 3_600)
    with pytest.raises(MediaError, match="more than 12 hours"):
        open_audio(path)


CHILD = """
import resource, sys
from alref_local.media.audio import open_audio
audio = open_audio(sys.argv[1])
count = sum(len(window.samples) for window in audio.windows())
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_an_hour_needs_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    """If this fails, long recordings run out of memory."""
    peaks = []
    second = np.rint(tone(1.0, 8_000) * 127 + 128).astype(np.uint8).tobytes()
    for minutes in (1, 60):
        path = tmp_path / f"{minutes}.wav"
        with wave.open(str(path), "wb") as sink:
            sink.setnchannels(1)
            sink.setsampwidth(1)
            sink.setframerate(8_000)
            for _ in range(minutes * 60):
                sink.writeframes(second)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True
        )
        count, peak = map(int, done.stdout.split())
        assert count == pytest.approx(minutes * 60 * 16_000, abs=40)
        peaks.append(peak)
    assert peaks[1] < peaks[0] * 1.25
