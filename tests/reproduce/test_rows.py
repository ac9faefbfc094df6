"""The rows of the paper's tables: their settings ask what the row says."""

from __future__ import annotations

from copy import deepcopy

import pytest

from alref_local.reason.question import Question
from alref_local.reproduce.tables import find_table
from alref_local.types import Query
from tests.fakes import Scripted, numbered_video
from tests.strategies.strategy_kit import run

SYNTAX, DESCRIBE = (
    {"paper": "analyze its syntax", "alref": "main noun"},
    {"paper": "Describe", "alref": "Say in"},
)
STEPS = ["pivot_box", "pivot_frame"]

ASKED: dict[tuple[int, str], tuple[list[str], int | None, bool, bool]] = {
    (3, "G-DINO + SAM 2"): ([], 0, False, False),
    (3, "+ PF Select"): (["pivot_frame"], None, False, False),
    (3, "+ PF & PB Select"): (STEPS, None, True, True),
    (5, "First Frame"): ([], 0, False, False),
    (5, "Middle Frame"): ([], 11, False, False),
    (5, "Last Frame"): ([], 23, False, False),
    (5, "PF Selection"): (["pivot_frame"], None, False, False),
    (6, "w/o GPT Assisted Box Selection"): (["pivot_frame"], None, False, False),
    (6, "Select Referent w/o Description"): (STEPS, None, False, False),
    (6, "Describe Then Select"): (STEPS, None, True, False),
    (6, "w/ Syntax Analysis of Reference"): (STEPS, None, True, True),
}
"""Which steps are asked, which frame is fixed, whether the box prompt describes, and analyses the syntax."""


def test_every_row_is_known() -> None:
    """A row of the paper could not be repeated."""
    tables = (find_table(number) for number in (3, 5, 6))
    assert [(table.table, row.name) for table in tables for row in table.rows] == list(ASKED)


@pytest.mark.parametrize("prompts", ["paper", "alref"])
@pytest.mark.parametrize("row", ASKED, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_row_asks_what_it_says(row: tuple[int, str], prompts: str) -> None:
    """A figure would be compared with a row of the paper that is another method."""
    steps, fixed, describes, analyses = ASKED[row]
    backend = Scripted(_second)
    (changes,) = (deepcopy(one.changes) for one in find_table(row[0]).rows if one.name == row[1])
    assert changes is not None
    base = {"prompts": prompts, "box_prompt": "pivot_box", "none_allowed": False}
    pivots = {"select": "one", **changes.pop("pivots", {})}
    reasoning = base | changes.pop("reasoning", {})
    assert changes == {}
    _, (result,), _ = run(
        numbered_video(24), [Query("0", "the dog")], backend, pivots=pivots, reasoning=reasoning
    )
    assert sorted(question.step for question in backend.asked) == sorted(steps * 2)
    assert [pivot.frame for pivot in result.pivots] == ([4, 16] if fixed is None else [fixed])
    best = "pivot_box" not in steps
    assert {pivot.box.y0 for pivot in result.pivots} == ({0} if best else {20})
    for question in backend.asked:
        if question.step == "pivot_box":
            assert (DESCRIBE[prompts] in question.text) == describes
            assert (SYNTAX[prompts] in question.text) == analyses


def test_none_of_the_boxes_is_offered_and_taken() -> None:
    """A sentence without a target would get masks, because the model could not say so."""
    backend = Scripted(lambda question: ("1",) if question.step == "pivot_frame" else ())
    _, (result,), _ = run(
        numbered_video(12), [Query("0", "the dog")], backend, reasoning={"none_allowed": True}
    )
    assert result.status == "no_target"
    assert backend.asked[-1].spec.none_allowed
    assert "ANSWER: []" in backend.asked[-1].text


def _second(question: Question) -> tuple[str, ...]:
    """Always the second frame and the second box."""
    return ("2",)
