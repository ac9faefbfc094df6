"""Second looks from the outside: what a run folder tells of them, resuming in the middle, replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alref_local.runs import open_run
from alref_local.runs.result import ResultFile
from tests.cli.kit import FAKES, call
from tests.cli.test_backends import SAMPLING, card, clip
from tests.reason.chat_server import ChatServer, says, status

__all__ = ["clip"]

LOOKS = ["--set", "second_look.looks=3"]
FIRST = says('{"reasoning": "", "answer": [1]}')
NO, YES = (says(f'{{"reasoning": "", "answer": ["{word}"]}}') for word in ("no", "yes"))
QUESTIONS = 4
"""Before the looks: two clips, two steps."""


def test_what_a_run_keeps_of_its_looks(clip: Path, tmp_path: Path) -> None:
    """Nobody could tell afterwards why masks were exchanged, or see what the model saw."""
    out = tmp_path / "out"
    with ChatServer(*[FIRST] * QUESTIONS, NO, then=YES) as server:
        words: list[str | Path] = ["segment", clip, "the dog", *FAKES, *SAMPLING, *LOOKS]
        assert call(*words, "-b", card(tmp_path, server), "-o", out) == 0
        shown = json.dumps(server.requests[-1]["messages"])
    assert "pink" in shown
    (result,) = open_run(out).results
    assert [(look.number, look.accepted) for look in result.looks] == [(1, False), (2, True)]
    assert {pivot.box.y0 for pivot in result.pivots} == {20}
    names = sorted(path.name for path in (out / "strips").iterdir())
    assert [name for name in names if "look" in name] == ["0-look1.jpg", "0-look2.jpg"]


def test_looks_are_replayed_by_their_number(clip: Path, tmp_path: Path) -> None:
    """A run with second looks could not be repeated without its model."""
    words: list[str | Path] = ["segment", clip, "the dog", *FAKES, *SAMPLING, *LOOKS]
    with ChatServer(*[FIRST] * QUESTIONS, NO, then=YES) as server:
        assert call(*words, "-b", card(tmp_path, server), "-o", tmp_path / "out") == 0
    assert call(*words, "-b", f"replay:{tmp_path / 'out'}", "-o", tmp_path / "again") == 0
    runs = [open_run(tmp_path / name) for name in ("out", "again")]
    assert runs[0].manifest["masks_sha256"] == runs[1].manifest["masks_sha256"]
    assert runs[0].results[0].looks == runs[1].results[0].looks


def test_looks_are_not_paid_for_twice(clip: Path, tmp_path: Path) -> None:
    """A server that dies between two looks would cost the first one again."""
    words: list[str | Path] = ["segment", clip, "the dog", *FAKES, *SAMPLING, *LOOKS, "-o", tmp_path / "out"]
    with ChatServer(*[FIRST] * QUESTIONS, NO, then=status(400)) as server:
        assert call(*words, "-b", card(tmp_path, server)) == 1
        assert len(server.requests) == QUESTIONS + 2
    with ChatServer(then=YES) as server:
        assert call(*words, "-b", card(tmp_path, server)) == 0
        assert len(server.requests) == 1
    assert len(open_run(tmp_path / "out").results[0].looks) == 2


def test_a_refusal_is_said(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person would take masks for right that the model has refused."""
    words: list[str | Path] = ["segment", clip, "the dog", *FAKES, *SAMPLING, *LOOKS]
    with ChatServer(*[FIRST] * QUESTIONS, then=NO) as server:
        assert call(*words, "-b", card(tmp_path, server), "-o", tmp_path / "out") == 0
    assert "refused" in capsys.readouterr().out
    with ChatServer(*[FIRST] * QUESTIONS, then=YES) as server:
        assert call(*words, "-b", card(tmp_path, server), "-o", tmp_path / "other", "--no-cache") == 0
    assert "refused" not in capsys.readouterr().out


def test_results_from_before_there_were_looks_are_read(clip: Path, tmp_path: Path) -> None:
    """Finished runs could not be compared with new ones."""
    assert call("segment", clip, "the dog", *FAKES, "-o", tmp_path / "out") == 0
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    for reference in written["references"]:
        assert reference.pop("looks") == []
    assert ResultFile.model_validate(written).references[0].looks == ()
