"""Archives that a server would refuse, and why: the reasons that people are told."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from alref_local.handin import check_archive, write_archive
from tests.handin.handin_kit import Change, evaluated, picture, rewritten

FIRST = "Annotations/0a1b/0/00000.png"


def put(name: str, data: bytes) -> Change:
    """With another content for one name, or one more."""
    return lambda entries: [*((n, d) for n, d in entries if n != name), (name, data)]


def without(*starts: str) -> Change:
    """Without some names."""
    return lambda entries: [(n, d) for n, d in entries if not n.startswith(starts)]


def renamed(change: Any) -> Change:
    """With other names."""
    return lambda entries: [(change(n), d) for n, d in entries]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """An archive of Ref-YouTube-VOS that passes."""
    run = evaluated("ref-youtube-vos", tmp_path / "data", tmp_path / "run", "valid")
    assert write_archive(run, tmp_path / "a.zip", tmp_path / "data").problems == ()
    return tmp_path / "a.zip"


def problems(archive: Path, name: str = "ref-youtube-vos") -> tuple[str, ...]:
    """What is said of it."""
    return check_archive(archive, name, archive.parent / "data").problems


BROKEN: list[tuple[str, Change, str]] = [
    ("a missing frame", without(FIRST), "Annotations/0a1b/0 lacks 1 of 4 masks, first 00000.png"),
    ("a missing sentence", without("Annotations/0a1b/1/"), "Annotations/0a1b/1 is missing"),
    ("a missing video", without("Annotations/ff00/"), "Annotations/ff00/0 is missing"),
    ("another size", put(FIRST, picture(size=(47, 64))), f"{FIRST} is 64x47, but its video 64x48"),
    ("turned by a quarter", put(FIRST, picture(size=(64, 48))), f"{FIRST} is 48x64, but its video 64x48"),
    ("colours", put(FIRST, picture("RGB")), f"{FIRST} is RGB, not 8-bit grey"),
    ("a palette", put(FIRST, picture("P", value=1)), f"{FIRST} is of palette colours, not 8-bit grey"),
    ("one bit", put(FIRST, picture("1")), f"{FIRST} is 1-bit, not 8-bit grey"),
    (
        "ones in place of 255",
        put(FIRST, picture(value=1)),
        f"{FIRST} holds the value 1, where masks hold 0 and 255",
    ),
    ("no picture", put(FIRST, b"GIF89a"), f"{FIRST} is no PNG picture"),
    ("half a picture", put(FIRST, picture()[:60]), f"{FIRST} is a damaged PNG picture"),
    ("an empty file", put(FIRST, b""), f"{FIRST} is no PNG picture"),
    ("far too much", put(FIRST, picture() + b"\0" * 90_000), "more than a mask of 64x48 can"),
    (
        "a folder too many",
        put("Annotations/other/0/00000.png", picture()),
        "'Annotations/other/' does not belong",
    ),
    (
        "a sentence too many",
        put("Annotations/0a1b/7/00000.png", picture()),
        "'Annotations/0a1b/7/' does not belong",
    ),
    ("a frame too many", put("Annotations/0a1b/0/00001.png", picture()), "does not belong there"),
    ("a file beside", put("notes.txt", b"hello"), "'notes.txt' does not belong there"),
    ("an empty folder", put("__MACOSX/", b""), "'__MACOSX/' does not belong there"),
    ("a folder too deep", renamed(lambda n: f"mine/{n}"), "Everything lies in a folder 'mine'"),
    (
        "a folder too high",
        renamed(lambda n: n.removeprefix("Annotations/")),
        "There is no folder Annotations",
    ),
    ("a way out", put("../evil.png", picture()), "'../evil.png' leads out of the archive"),
    ("the root", put("/etc/evil", b""), "'/etc/evil' leads out of the archive"),
    ("Windows's separator", put("Annotations\\x.png", picture()), "is not a plain name"),
    ("an escape", put("a\x1b[2J.png", b""), "'a?[2J.png' is not a plain name"),
    ("nothing", lambda entries: [], "Annotations/0a1b/0 is missing"),
]


@pytest.mark.parametrize(("change", "said"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_a_broken_archive_is_refused_with_the_reason(change: Change, said: str, good: Path) -> None:
    """A server would say so after hours, or score nothing without a word."""
    found = problems(rewritten(good, change))
    assert any(said in one for one in found), found
    assert len(found) <= 3


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice(good: Path) -> None:
    """Nobody could tell which of two masks is scored."""
    with zipfile.ZipFile(good, "a") as archive:
        archive.writestr(FIRST, picture())
    assert f"'{FIRST}' is there 2 times." in problems(good)


def test_links_and_ciphers(good: Path) -> None:
    """A server would follow a link, or ask for a password."""
    info = zipfile.ZipInfo("Annotations/0a1b/0/00000.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16

    def linked(entries: Any) -> Any:
        return [(info if name == FIRST else name, data) for name, data in entries]

    assert any("is a link" in one for one in problems(rewritten(good, linked)))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_copy_that_was_cut_off(share: float, good: Path) -> None:
    """Half an upload would end in a traceback."""
    data = good.read_bytes()
    good.write_bytes(data[: round(len(data) * share)])
    (said,) = problems(good)
    assert "zip file" in said


def test_any_flipped_byte_is_survived(good: Path) -> None:
    """A worn disk would end the check in a traceback."""
    data = good.read_bytes()
    for place in range(0, len(data), 97):
        good.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        assert all(one.endswith(".") for one in problems(good))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            put("anno_1/dog/00002.png", picture("L", value=0)),
            "anno_1/dog/00002.png is 8-bit grey, not of palette",
        ),
        (
            put("anno_1/dog/00002.png", picture("P", value=2)),
            "holds the number 2, where the objects are 1 to 1",
        ),
        (without("anno_3/"), "anno_3/blackswan is missing"),
        (put("anno_4/dog/00002.png", picture("P", value=1)), "'anno_4/' does not belong there"),
    ],
)
def test_label_maps_of_ref_davis17(change: Change, said: str, tmp_path: Path) -> None:
    """One annotator too few, or an object that is not there, would be averaged with the rest."""
    run = evaluated("ref-davis17", tmp_path / "data", tmp_path / "run", "valid")
    write_archive(run, tmp_path / "a.zip", tmp_path / "data")
    found = problems(rewritten(tmp_path / "a.zip", change), "ref-davis17")
    assert any(said in one for one in found), found
