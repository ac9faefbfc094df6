"""Archives that a server would refuse or misread, each broken in one way: every one fails, and says why."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from alref_local.errors import ConfigError, MediaError
from alref_local.handin import check_archive
from tests.datasets.miniatures import SIZE
from tests.handin.zip_kit import Contents, archived, write_zip

YTVOS = "Annotations/0a1b/1/00010.png"
DAVIS = "anno_2/dog/00001.png"


def png(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def grey(value: int, size: tuple[int, int] = SIZE, kind: str = "L") -> bytes:
    return png(Image.fromarray(np.full(size, value, np.uint8)).convert(kind))


def palette(value: int, size: tuple[int, int] = SIZE) -> bytes:
    image = Image.fromarray(np.full(size, value, np.uint8))
    image.putpalette(bytes(range(256)) * 3)
    return png(image)


def bomb() -> bytes:
    """A picture of 60,000 x 60,000 pixels, in its header."""
    data = bytearray(grey(0))
    data[16:24] = (60_000).to_bytes(4) * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
    return bytes(data)


def chatty() -> bytes:
    """A good picture with much text beside it."""
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "x" * 100_000)
    return png(Image.new("L", (SIZE[1], SIZE[0])), pnginfo=text)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Contents, Path]]:
    """A good archive of each form, and its data set."""
    return {
        name: archived(name, tmp_path_factory.mktemp(name), "valid" if name == "mevis" else "")
        for name in ("ref-youtube-vos", "mevis", "ref-davis17")
    }


Break = Callable[[Contents], Contents]


def put(name: str, data: bytes) -> Break:
    return lambda files: files | {name: data}


def without(*names: str) -> Break:
    return lambda files: {name: data for name, data in files.items() if not name.startswith(names)}


BROKEN: dict[str, tuple[str, Break, str]] = {
    "missing frame": (
        "ref-youtube-vos",
        without(YTVOS),
        "Annotations/0a1b/1 lacks 1 of 4 masks, first 00010.png.",
    ),
    "missing sentence": ("ref-youtube-vos", without("Annotations/0a1b/1/"), "Annotations/0a1b/1 is missing."),
    "missing annotator": ("ref-davis17", without("anno_3/"), "anno_3/blackswan is missing."),
    "nothing": ("mevis", without(""), "3a4b5c/0 is missing."),
    "wrong size": (
        "ref-youtube-vos",
        put(YTVOS, grey(0, (24, 32))),
        f"{YTVOS} is 32x24, but its video 64x48.",
    ),
    "turned": ("ref-davis17", put(DAVIS, palette(0, (64, 48))), f"{DAVIS} is 48x64, but its video 64x48."),
    "one bit": ("ref-youtube-vos", put(YTVOS, grey(255, kind="1")), f"{YTVOS} is 1-bit, not 8-bit grey."),
    "colours": ("mevis", put("3a4b5c/0/00000.png", grey(0, kind="RGB")), "is RGB, not 8-bit grey."),
    "16 bits": (
        "mevis",
        put("3a4b5c/0/00000.png", png(Image.fromarray(np.zeros(SIZE, np.uint16)))),
        "is 16-bit grey, not 8-bit grey.",
    ),
    "a palette for grey": (
        "ref-youtube-vos",
        put(YTVOS, palette(0)),
        "is of palette colours, not 8-bit grey.",
    ),
    "grey for a palette": (
        "ref-davis17",
        put(DAVIS, grey(1)),
        f"{DAVIS} is 8-bit grey, not of palette colours.",
    ),
    "value 1": ("ref-youtube-vos", put(YTVOS, grey(1)), "holds the value 1, where masks hold 0 and 255."),
    "value 128": ("mevis", put("3a4b5c/1/00002.png", grey(128)), "holds the value 128, where masks hold"),
    "a proposal too many": (
        "ref-davis17",
        put(DAVIS, palette(21)),
        "holds the number 21, and no more than 20 proposals are read.",
    ),
    "void": (
        "ref-davis17",
        put("anno_0/blackswan/00003.png", palette(255)),
        "the number 255, and no more than 20 proposals are read.",
    ),
    "extra frame": (
        "ref-youtube-vos",
        put("Annotations/0a1b/1/00012.png", grey(0)),
        "'Annotations/0a1b/1/00012.png' does not belong there.",
    ),
    "extra sentence": ("mevis", put("3a4b5c/7/00000.png", grey(0)), "'3a4b5c/7/' does not belong there."),
    "extra folder": (
        "mevis",
        lambda files: files | {f"__MACOSX/3a4b5c/{n}.png": b"" for n in range(3)},
        "'__MACOSX/' does not belong there (3 files).",
    ),
    "empty extra folder": (
        "ref-youtube-vos",
        put("Annotations/1234/", b""),
        "'Annotations/1234/' does not belong there.",
    ),
    "extra file": (
        "ref-davis17",
        put("anno_0/global_results-val.csv", b"J,F"),
        "'anno_0/global_results-val.csv' does not belong there.",
    ),
    "other letters": (
        "ref-davis17",
        put("Anno_0/dog/00000.png", palette(0)),
        "'Anno_0/' does not belong there.",
    ),
    "a folder too deep": (
        "mevis",
        lambda files: {f"valid/{name}": data for name, data in files.items()},
        "Everything lies in a folder 'valid', but the form is VIDEO/SENTENCE/FRAME.png.",
    ),
    "a folder too high": (
        "ref-youtube-vos",
        lambda files: {name.removeprefix("Annotations/"): data for name, data in files.items()},
        "There is no folder Annotations: the form is Annotations/VIDEO/SENTENCE/FRAME.png.",
    ),
    "out of the archive": (
        "mevis",
        put("../../etc/passwd", b"root"),
        "'../../etc/passwd' leads out of the archive.",
    ),
    "out of it below": ("mevis", put("3a4b5c/../x.png", b""), "'3a4b5c/../x.png' leads out of the archive."),
    "absolute": (
        "ref-youtube-vos",
        put("/Annotations/x.png", b""),
        "'/Annotations/x.png' leads out of the archive.",
    ),
    "backslashes": ("ref-davis17", put("anno_0\\dog\\00000.png", palette(0)), "is not a plain name."),
    "another drive": ("mevis", put("C:x.png", b""), "'C:x.png' is not a plain name."),
    "control characters": ("mevis", put("x\x1b[31m.png", b""), "'x?[31m.png' is not a plain name."),
    "no picture": ("ref-youtube-vos", put(YTVOS, b"<html>"), f"{YTVOS} is no PNG picture."),
    "a JPEG": (
        "ref-youtube-vos",
        lambda files: files | {YTVOS: b"\xff\xd8\xff\xe0" + files[YTVOS]},
        f"{YTVOS} is no PNG picture.",
    ),
    "empty": ("mevis", put("3a4b5c/0/00001.png", b""), "is no PNG picture."),
    "cut off": (
        "ref-youtube-vos",
        lambda files: files | {YTVOS: files[YTVOS][:70]},
        f"{YTVOS} is a damaged PNG picture.",
    ),
    "a bomb": ("ref-youtube-vos", put(YTVOS, bomb()), f"{YTVOS} is far larger than its video, 64x48."),
    "an inflated entry": (
        "mevis",
        put("3a4b5c/0/00000.png", bytes(10_000_000)),
        "takes 10,000,000 bytes, more than a mask of 64x48 can.",
    ),
    "text beside it": ("mevis", put("3a4b5c/0/00000.png", chatty()), "more than a mask of 64x48 can"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_archives(what: str, good: dict[str, tuple[Contents, Path]], tmp_path: Path) -> None:
    """It would be uploaded, and be refused, or scored as something else."""
    name, broken, said = BROKEN[what]
    files, root = good[name]
    found = check_archive(write_zip(tmp_path / "it.zip", broken(files)), name, root)
    assert any(said in problem for problem in found.problems), found.problems
    if what not in ("missing annotator", "nothing"):
        assert len(found.problems) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "it.zip"]


def test_good_archives_of_other_programs(good: dict[str, tuple[Contents, Path]], tmp_path: Path) -> None:
    """What `zip -r` makes, with entries for folders, would be refused though every server takes it."""

    def folders(archive: zipfile.ZipFile) -> None:
        for name in ("Annotations/", "Annotations/0a1b/", "Annotations/0a1b/1/"):
            archive.writestr(name, b"")

    files, root = good["ref-youtube-vos"]
    again = {name: png(Image.open(io.BytesIO(files[name])), optimize=True) for name in reversed(files)}
    found = check_archive(write_zip(tmp_path / "it.zip", again, folders), "ref-youtube-vos", root)
    assert found.problems == ()
    assert found.counts == {"videos": 2, "sentences": 3, "masks": 12}


def test_more_proposals_than_objects(good: dict[str, tuple[Contents, Path]], tmp_path: Path) -> None:
    """What unsupervised methods hand in would be refused, though the public evaluation reads it."""
    files, root = good["ref-davis17"]
    more = files | {DAVIS: palette(20), "anno_3/blackswan/00000.png": palette(3)}
    found = check_archive(write_zip(tmp_path / "it.zip", more), "ref-davis17", root)
    assert found.problems == ()
    (said,) = (one for one in found.remarks if "published split" not in one)
    assert said.startswith(
        "2 picture(s) hold numbers above those of the objects, first anno_3/blackswan/00000.png:"
    )
    assert "up to 20 proposals" in said


def twice(archive: zipfile.ZipFile) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(YTVOS, grey(0))


def link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("Annotations/0a1b/1/x.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


@pytest.mark.parametrize(
    ("more", "said"),
    [(twice, f"'{YTVOS}' is there 2 times."), (link, "'Annotations/0a1b/1/x.png' is a link.")],
)
def test_entries_that_a_folder_cannot_have(
    more: Callable[[zipfile.ZipFile], None],
    said: str,
    good: dict[str, tuple[Contents, Path]],
    tmp_path: Path,
) -> None:
    """Which of two masks counts would be the server's choice, or a link lead it elsewhere."""
    files, root = good["ref-youtube-vos"]
    found = check_archive(write_zip(tmp_path / "it.zip", files, more), "ref-youtube-vos", root)
    assert said in found.problems


def encrypted(data: bytearray) -> bytes:
    """The first entry says that it is encrypted, here and in the directory."""
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def spoilt(data: bytearray) -> bytes:
    """A byte of the first picture is another one."""
    at = data.index(b"PNG") + 60
    data[at] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: bytes(data[: len(data) // 2]), "it.zip is a zip file that is damaged or cut off."),
        (lambda data: bytes(data[:-30]), "it.zip is a zip file that is damaged or cut off."),
        (lambda data: b"%PDF-1.7", "it.zip is no zip file."),
        (lambda data: b"", "it.zip is no zip file."),
        (encrypted, "'Annotations/0a1b/0/00000.png' is encrypted."),
        (spoilt, "Annotations/0a1b/0/00000.png is damaged in the archive."),
    ],
)
def test_files_that_are_no_whole_zip(
    spoil: Callable[[bytearray], bytes],
    said: str,
    good: dict[str, tuple[Contents, Path]],
    tmp_path: Path,
) -> None:
    """An upload that was cut off would end in a traceback."""
    files, root = good["ref-youtube-vos"]
    path = tmp_path / "it.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    path.write_bytes(spoil(bytearray(path.read_bytes())))
    assert said in check_archive(path, "ref-youtube-vos", root).problems


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0), st.integers(1, 255)), min_size=1, max_size=5))
def test_any_damage_is_told_or_harmless(
    changes: list[tuple[int, int]], good: dict[str, tuple[Contents, Path]], tmp_path: Path
) -> None:
    """Bytes that changed on the way would end the check in a traceback."""
    files, root = good["mevis"]
    path = write_zip(tmp_path / "it.zip", files)
    data = bytearray(path.read_bytes())
    for at, mask in changes:
        data[at % len(data)] ^= mask
    path.write_bytes(data)
    assert all(problem.endswith(".") for problem in check_archive(path, "mevis", root).problems)


def test_many_masks_of_one_fault_are_one_sentence(
    good: dict[str, tuple[Contents, Path]], tmp_path: Path
) -> None:
    """A hundred thousand lines would say the same."""
    files, root = good["ref-davis17"]
    found = check_archive(
        write_zip(tmp_path / "it.zip", dict.fromkeys(files, palette(29))), "ref-davis17", root
    )
    assert len(found.problems) == 8
    assert found.problems[0] == (
        "anno_0/blackswan/00000.png holds the number 29, and no more than 20 proposals are read"
        " (and 3 more there)."
    )


def test_frames_tell_the_size(good: dict[str, tuple[Contents, Path]], tmp_path: Path) -> None:
    """Without them, masks of any size would pass."""
    files, _ = good["mevis"]
    other, root = archived("mevis", tmp_path, "valid")
    for frame in (root / "valid/JPEGImages/3a4b5c").iterdir():
        Image.new("RGB", (80, 60)).save(frame)
    path = write_zip(tmp_path / "it.zip", files)
    assert (
        "is 64x48, but its video 80x60 (and 2 more there)." in check_archive(path, "mevis", root).problems[0]
    )
    for frame in (root / "valid/JPEGImages/3a4b5c").iterdir():
        frame.unlink()
    with pytest.raises(MediaError):
        check_archive(path, "mevis", root)
    assert other == files


def test_what_is_not_there(good: dict[str, tuple[Contents, Path]], tmp_path: Path) -> None:
    """A mistyped name would end in a traceback."""
    _, root = good["mevis"]
    with pytest.raises(ConfigError, match="There is no file"):
        check_archive(tmp_path / "none.zip", "mevis", root)
    with pytest.raises(ConfigError, match="cannot be read"):
        check_archive(tmp_path, "mevis", root)
    with pytest.raises(ConfigError, match="no published form"):
        check_archive(tmp_path, "own", root)
