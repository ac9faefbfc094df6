"""The journal of an evaluation: which items wait, run, are done or failed, in one SQLite file.

Only the process that was started by a person writes it; workers tell that process what happened. A journal survives
a kill at any moment: what was running then waits again at the next start, and so does what had failed.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple

from alref_local.errors import ConfigError
from alref_local.files import writing

__all__ = ["Entry", "Journal", "State"]

State = Literal["pending", "running", "done", "failed"]

_TABLES = """
CREATE TABLE IF NOT EXISTS run (facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    id TEXT PRIMARY KEY, asked TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '');
"""


class Entry(NamedTuple):
    """One item: how often it was begun, why it failed, how long the last attempt took in seconds."""

    id: str
    state: State
    attempts: int
    error: str
    hint: str
    seconds: float


class Journal:
    """A context manager; one process at a time.

    Args:
        folder: of the run; the journal is ``journal.sqlite`` in it.

    Raises:
        ConfigError: the folder cannot be written or locked, another process works on it, or the file is no journal.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = folder / "journal.sqlite"
        with writing(path):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "journal.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ConfigError(
                f"Another evaluation works in {folder}.",
                hint="Wait for it, or choose another folder with --run.",
            ) from None
        except OSError as error:
            self._lock.close()
            raise ConfigError(
                f"{folder} cannot be locked: {error.strerror}.",
                hint="Its file system may have no locks; choose a folder on another disk with --run.",
            ) from error
        self._database = sqlite3.connect(path, isolation_level=None)
        try:
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_TABLES)
        except sqlite3.Error as error:
            self.close()
            raise ConfigError(
                f"{path} cannot be used: {error}.",
                hint="Choose another folder with --run, or remove the file.",
            ) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others work on it."""
        self._database.close()
        self._lock.close()

    def begin(self, facts: Mapping[str, str], asked: Mapping[str, str]) -> None:
        """Take up the run: what ran or failed waits again, what is new is added.

        Args:
            facts: everything that decides the masks; the same as when the run was begun.
            asked: a fingerprint of what is asked of each item, by id.

        Raises:
            ConfigError: the journal is of another run.
        """
        self._compare(facts)
        known = dict(self._database.execute("SELECT id, asked FROM items"))
        for id, fingerprint in asked.items():
            if known.get(id, fingerprint) != fingerprint:
                raise self._other(f"what is asked of the video {id} was something else")
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT INTO items (id, asked) VALUES (?, ?)",
                [one for one in asked.items() if one[0] not in known],
            )
            self._database.execute("UPDATE items SET state = 'pending' WHERE state IN ('running', 'failed')")

    def again(self, ids: Iterable[str]) -> None:
        """Of these, what is done waits again: its masks are gone."""
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "UPDATE items SET state = 'pending' WHERE id = ? AND state = 'done'", [(id,) for id in ids]
            )

    def claim(self, id: str) -> None:
        """A pending item is begun."""
        self._move(id, "pending", "running", "attempts = attempts + 1, error = '', hint = ''")

    def finish(self, id: str, seconds: float) -> None:
        """A running item is done."""
        self._move(id, "running", "done", "seconds = ?", seconds)

    def fail(self, id: str, error: str, hint: str, seconds: float) -> None:
        """A running item failed; it waits for the next `begin`."""
        self._move(id, "running", "failed", "error = ?, hint = ?, seconds = ?", error, hint, seconds)

    def release(self, id: str) -> None:
        """A running item was given up, through no fault of its own, and waits again."""
        self._move(id, "running", "pending", "error = ''")

    def entries(self) -> dict[str, Entry]:
        """All items by id."""
        rows = self._database.execute("SELECT id, state, attempts, error, hint, seconds FROM items")
        return {row[0]: Entry(*row) for row in rows}

    def _move(self, id: str, before: State, after: State, changes: str, *values: object) -> None:
        moved = self._database.execute(
            f"UPDATE items SET state = ?, {changes} WHERE id = ? AND state = ?", (after, *values, id, before)
        )
        if moved.rowcount != 1:
            raise ValueError(f"{id} is not {before}")

    def _compare(self, facts: Mapping[str, str]) -> None:
        row = self._database.execute("SELECT facts FROM run").fetchone()
        if row is None:
            self._database.execute("INSERT INTO run VALUES (?)", (json.dumps(dict(facts)),))
            return
        begun: dict[str, str] = json.loads(row[0])
        for name in sorted(begun.keys() | facts.keys()):
            if (then := begun.get(name, "nothing")) != (now := facts.get(name, "nothing")):
                raise self._other(f"{name} was {_short(then)}, not {_short(now)}")

    def _other(self, difference: str) -> ConfigError:
        return ConfigError(
            f"{self._folder} holds another run: {difference}.",
            hint="Choose another folder with --run, or give the command that the run was begun with.",
        )


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
