"""The journal: what it says after any order of events, kills included."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.errors import ConfigError
from alref_local.evaluate.journal import Journal

ASKED = {"a": "1", "b": "2", "c": "3"}
FACTS = {"config.sampling.frames": "5", "dataset": "world"}


def states(journal: Journal) -> dict[str, str]:
    return {id: entry.state for id, entry in journal.entries().items()}


def test_one_item_after_another(tmp_path: Path) -> None:
    """A finished item would be done again, or a failed one never."""
    with Journal(tmp_path) as journal:
        journal.begin(FACTS, ASKED)
        for id in ASKED:
            journal.claim(id)
        journal.finish("a", 1.5)
        journal.fail("b", "It is dark.", "Light it.", 2.0)
        assert states(journal) == {"a": "done", "b": "failed", "c": "running"}
        assert journal.entries()["b"][2:] == (1, "It is dark.", "Light it.", 2.0)
    with Journal(tmp_path) as journal:
        assert states(journal) == {"a": "done", "b": "failed", "c": "running"}
        journal.begin(FACTS, ASKED)
        assert states(journal) == {"a": "done", "b": "pending", "c": "pending"}
        journal.claim("b")
        assert journal.entries()["b"][2:] == (2, "", "", 2.0)


@pytest.mark.parametrize(
    ("before", "event"),
    [
        ("pending", "finish"),
        ("pending", "fail"),
        ("pending", "release"),
        ("running", "claim"),
        ("done", "claim"),
        ("done", "fail"),
        ("done", "finish"),
        ("done", "release"),
        ("failed", "claim"),
        ("failed", "finish"),
    ],
)
def test_events_out_of_place(before: str, event: str, tmp_path: Path) -> None:
    """A late message could bring back what is done, or do an item twice."""
    with Journal(tmp_path) as journal:
        journal.begin(FACTS, {"a": "1"})
        for step in {"pending": [], "running": ["claim"]}.get(before, ["claim", before]):
            tell(journal, {"done": "finish", "failed": "fail"}.get(step, step), "a")
        with pytest.raises(ValueError, match="a is not"):
            tell(journal, event, "a")
        assert states(journal) == {"a": before}


def tell(journal: Journal, event: str, id: str) -> None:
    values = {"claim": (), "release": (), "finish": (1.0,), "fail": ("Why.", "", 1.0)}[event]
    getattr(journal, event)(id, *values)


EVENTS = {("pending", "claim"): "running", ("running", "finish"): "done"} | {
    ("running", "fail"): "failed",
    ("running", "release"): "pending",
}


@given(
    st.lists(
        st.tuples(st.sampled_from(["claim", "finish", "fail", "release", "start"]), st.sampled_from("abc"))
    )
)
def test_any_order_of_events(tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, str]]) -> None:
    """Some history of starts, kills and messages would leave an item in no state, or in a wrong one."""
    folder = tmp_path_factory.mktemp("run")
    expected, begun = dict.fromkeys(ASKED, "pending"), dict.fromkeys(ASKED, 0)
    journal = Journal(folder)
    journal.begin(FACTS, ASKED)
    try:
        for event, id in events:
            if event == "start":  # after a kill
                journal.close()
                journal = Journal(folder)
                journal.begin(FACTS, ASKED)
                expected = {id: state if state == "done" else "pending" for id, state in expected.items()}
            elif after := EVENTS.get((expected[id], event)):
                tell(journal, event, id)
                expected[id] = after
                begun[id] += event == "claim"
            assert states(journal) == expected
        assert {id: entry.attempts for id, entry in journal.entries().items()} == begun
    finally:
        journal.close()


def test_what_is_gone_waits_again(tmp_path: Path) -> None:
    """A run folder that was removed would be missing for ever, or what never was begun be called done."""
    with Journal(tmp_path) as journal:
        journal.begin(FACTS, ASKED)
        for id in "ab":
            journal.claim(id)
            journal.finish(id, 1.0)
        journal.again(["a", "c"])
        assert states(journal) == {"a": "pending", "b": "done", "c": "pending"}
        journal.claim("a")
        journal.again(["a"])
        assert states(journal)["a"] == "running"


def test_more_items_later(tmp_path: Path) -> None:
    """A trial with --limit could not become the whole run."""
    with Journal(tmp_path) as journal:
        journal.begin(FACTS, {"a": "1"})
        journal.claim("a")
        journal.finish("a", 1.0)
        journal.begin(FACTS, ASKED)
        assert states(journal) == {"a": "done", "b": "pending", "c": "pending"}


@pytest.mark.parametrize(
    ("facts", "asked", "said"),
    [
        ({"dataset": "world", "config.sampling.frames": "6"}, ASKED, "config.sampling.frames was 5, not 6"),
        ({"dataset": "world"}, ASKED, "config.sampling.frames was 5, not nothing"),
        (FACTS | {"backend.model": "m" * 99}, ASKED, "backend.model was nothing, not m"),
        (FACTS, ASKED | {"b": "other"}, "what is asked of the video b"),
    ],
)
def test_another_run(facts: dict[str, str], asked: dict[str, str], said: str, tmp_path: Path) -> None:
    """Masks of two protocols would be mixed in one figure."""
    with Journal(tmp_path) as journal:
        journal.begin(FACTS, ASKED)
        with pytest.raises(ConfigError, match=said) as refused:
            journal.begin(facts, asked)
        assert "--run" in refused.value.hint


def test_two_at_once(tmp_path: Path) -> None:
    """Two evaluations would write into one folder."""
    with Journal(tmp_path), pytest.raises(ConfigError, match="Another evaluation works"):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network disk without locks one would wait for an evaluation that there is not."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(ConfigError, match="cannot be locked: No locks available") as refused:
        Journal(tmp_path)
    assert "another disk with --run" in refused.value.hint


def test_no_journal(tmp_path: Path) -> None:
    """A damaged file would end in a traceback."""
    (tmp_path / "journal.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigError, match="cannot be used"):
        Journal(tmp_path)
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        Journal(blocked)


def test_survives_the_process(tmp_path: Path) -> None:
    """What was told would be lost with the process that was told it."""
    journal = Journal(tmp_path)
    journal.begin(FACTS, ASKED)
    journal.claim("a")
    journal.finish("a", 1.0)
    with sqlite3.connect(tmp_path / "journal.sqlite") as other:  # as after a kill: nothing was closed
        assert other.execute("SELECT state FROM items WHERE id = 'a'").fetchone() == ("done",)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    journal.close()
