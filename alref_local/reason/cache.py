"""The file of answers that were paid for once: SQLite, shared by all runs of a person, and always optional.

Whatever is wrong with the file (locked, read-only, damaged, no room), a run goes on without it after one warning.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

__all__ = ["AnswerCache", "cache_path"]

_BUSY = 10.0
"""Seconds to wait for other processes, once in a run: a file that is locked for longer is done without."""


def cache_path() -> Path:
    """``$ALREF_CACHE``, or ``alref-local/answers.sqlite`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if chosen := os.environ.get("ALREF_CACHE"):
        return Path(chosen)
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (caches if caches.is_absolute() else Path("~/.cache").expanduser()) / "alref-local/answers.sqlite"


class AnswerCache:
    """Texts by key; opened at first use. Several processes may use one file at a time.

    Args:
        path: the file, made if need be for its owner alone; ``None`` is ``cache_path()``.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None
        self._reads = self._writes = True

    def get(self, key: str) -> str | None:
        """The text, if there is one."""
        if self._reads:
            try:
                found = self._opened().execute("SELECT text FROM answers WHERE key = ?", (key,)).fetchone()
                return str(found[0]) if found else None
            except (sqlite3.Error, OSError, RuntimeError) as error:
                self._reads = False
                self._do_without(error)
        return None

    def put(self, key: str, text: str) -> None:
        """Keep a text; an older one gives way."""
        if self._writes:
            try:
                self._opened().execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, text))
            except (sqlite3.Error, OSError, RuntimeError) as error:
                self._reads = self._database is not None
                self._do_without(error)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = _open(self._path or cache_path())
        return self._database

    def _do_without(self, error: Exception) -> None:
        """Try nothing more that would fail again; a file that cannot be written may still be read."""
        if self._writes:
            logging.getLogger(__name__).warning(
                "The answer cache %s is not used (%s); ALREF_CACHE names another file, --no-cache none.",
                self._path or cache_path(),
                error,
            )
        self._writes = False


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # prompts and replies are a person's own
    # Questions are asked from one thread at a time, but in a notebook each run has its own.
    database = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    try:
        database.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID")
        database.execute("PRAGMA synchronous=NORMAL")
        # Not the write-ahead log: that needs all who use the file on one machine, and homes are shared.
        with suppress(sqlite3.OperationalError):  # others have it open just now; one of them does it
            database.execute("PRAGMA journal_mode=TRUNCATE")
    except BaseException:
        database.close()
        raise
    return database
