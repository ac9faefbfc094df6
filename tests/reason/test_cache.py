"""The file of remembered answers: shared, private, and never in the way."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from alref_local.reason import cache as cache_module
from alref_local.reason.cache import AnswerCache, cache_path


def test_texts_are_kept_for_the_next_run(tmp_path: Path) -> None:
    """Every run pays again."""
    first = AnswerCache(tmp_path / "deep" / "answers.sqlite")
    assert first.get("a") is None
    first.put("a", "1")
    first.put("a", "2")
    assert first.get("a") == "2"
    first.close()
    again = AnswerCache(tmp_path / "deep" / "answers.sqlite")
    assert again.get("a") == "2"
    again.close()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Others on the machine read what was asked about a confidential video."""
    path = tmp_path / "own" / "answers.sqlite"
    cache = AnswerCache(path)
    cache.put("a", "1")
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({"ALREF_CACHE": "/x/mine.sqlite", "XDG_CACHE_HOME": "/y"}, "/x/mine.sqlite"),
        ({"XDG_CACHE_HOME": "/y"}, "/y/alref-local/answers.sqlite"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/alref-local/answers.sqlite"),
        ({"HOME": "/h"}, "/h/.cache/alref-local/answers.sqlite"),
    ],
)
def test_where_the_file_is(variables: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers land where no other tool would look for them, or in the working folder."""
    for name in ("ALREF_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_path() == Path(path)


def folder_in_its_place(path: Path) -> None:
    path.mkdir()


def another_format(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)


def another_database(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE answers (something, quite, different)")
    other.close()


def torn(path: Path) -> None:
    cache = AnswerCache(path)
    for number in range(200):
        cache.put(f"{number}", "x" * 1000)
    cache.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def no_folder(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("a file")


@pytest.mark.parametrize("spoil", [folder_in_its_place, another_format, another_database, torn, no_folder])
def test_a_broken_file_is_done_without_after_one_warning(
    spoil: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run of hours ends because of a file that nobody needs."""
    path = tmp_path / "folder" / "answers.sqlite"
    path.parent.mkdir()
    spoil(path)
    with caplog.at_level(logging.WARNING):
        cache = AnswerCache(path)
        for key in ("1", "2", "3"):
            assert cache.get(key) is None
            cache.put(key, "text")
        cache.close()
    (record,) = caplog.records
    assert "--no-cache" in record.getMessage()


@pytest.mark.parametrize("mode", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_locked_file_is_waited_for_once(
    mode: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's lock slows every question down."""
    monkeypatch.setattr(cache_module, "_BUSY", 0.2)
    path = tmp_path / "answers.sqlite"
    made = AnswerCache(path)
    made.put("a", "1")
    made.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute(f"BEGIN {mode}")
    cache = AnswerCache(path)
    cache.put("b", "2")
    assert cache.get("a") == ("1" if mode == "IMMEDIATE" else None)
    other.close()
    cache.put("c", "3")  # by now it could, but it does not try
    assert len(caplog.records) == 1
    again = AnswerCache(path)
    assert [again.get(key) for key in "abc"] == ["1", None, None]
    again.close()


def test_a_file_that_cannot_be_written_is_still_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lab's shared answers are of use to nobody but who made them."""
    path = tmp_path / "answers.sqlite"
    made = AnswerCache(path)
    made.put("a", "1")
    made.close()
    real = sqlite3.connect

    def reading(_: object, **options: object) -> sqlite3.Connection:
        database: sqlite3.Connection = real(path, isolation_level=None)
        database.execute("PRAGMA query_only=ON")
        return database

    monkeypatch.setattr(sqlite3, "connect", reading)
    cache = AnswerCache(path)
    for _ in range(2):
        cache.put("b", "2")
        assert (cache.get("a"), cache.get("b")) == ("1", None)
    assert len(caplog.records) == 1


def test_no_file_lies_beside_it_that_other_machines_cannot_share(tmp_path: Path) -> None:
    """A write-ahead log on a home that several machines mount damages what all of them paid for."""
    path = tmp_path / "answers.sqlite"
    made = sqlite3.connect(path, isolation_level=None)
    made.execute("PRAGMA journal_mode=WAL")  # as earlier versions left it
    made.execute("CREATE TABLE answers (key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID")
    made.execute("INSERT INTO answers VALUES ('a', '1')")
    made.close()
    cache = AnswerCache(path)
    assert cache.get("a") == "1"
    cache.put("b", "2")
    assert not [file for file in tmp_path.iterdir() if file.name.endswith(("-wal", "-shm"))]
    cache.close()


def test_several_processes_fill_one_file(tmp_path: Path) -> None:
    """Two runs side by side lose each other's answers, or their caches."""
    path = tmp_path / "answers.sqlite"
    program = f"""
import logging, sys
from pathlib import Path
from alref_local.reason.cache import AnswerCache
logging.raiseExceptions = True
cache = AnswerCache(Path({str(path)!r}))
for number in range(200):
    cache.put(sys.argv[1] + str(number), "text")
    assert cache.get(sys.argv[1] + str(number)) == "text"
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    running = [
        subprocess.Popen([sys.executable, "-c", program, name], env=environment, stderr=subprocess.PIPE)
        for name in "abcd"
    ]
    assert [run.communicate()[1] for run in running] == [b""] * 4
    cache = AnswerCache(path)
    assert all(cache.get(f"{name}{number}") == "text" for name in "abcd" for number in range(200))
    cache.close()
