"""One row for every sentence and run: what a spreadsheet, or pandas, wants."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from alref_local.compare.asked import Asked, asked
from alref_local.compare.measures import judged, sentence_measures
from alref_local.compare.runs import ComparedRun
from alref_local.compare.scan import ComparedItem, Sentence
from alref_local.visible import visible

__all__ = ["CsvRows", "columns", "rows"]

_HEAD = ("item", "reference", "sentence", "kind", "run", "status")
_PIVOTS = ("frames", "boxes", "right_frames", "right_boxes")
_ASKED = (
    *("questions", "replies", "invalid", "retried", "prompt_tokens", "completion_tokens"),
    *("dollars", "seconds"),
)
_FIRST = (
    *("pivot_frame", "pivot_frame_near", "pivot_box", "pivot_box_iou"),
    *("references", "references_iou", "masks"),
)

_FORMULA = re.compile(r"^[=+\-@\t\r]")


def columns(runs: Sequence[ComparedRun]) -> list[str]:
    """Names of the columns; scores are those that the runs have."""
    scored = [run.result.get("rows", {}).values() for run in runs]
    scores = dict.fromkeys(
        name for items in scored for item in items for row in item.values() for name in row
    )
    return [*_HEAD, *scores, *_PIVOTS, *_ASKED, *(f"{name}_as_first" for name in _FIRST)]


def rows(item: ComparedItem, runs: Sequence[ComparedRun]) -> Iterator[dict[str, Any]]:
    """The rows of one video; a column that says nothing is missing.

    ``frames`` and ``boxes`` are lists by clip, ``right_*`` the shares of the pivots that are right. ``seconds`` are
    those of waiting for replies. Columns ``*_as_first`` are agreement with the first run, mean over clips.
    """
    for sentence in item.sentences:
        for number, run in enumerate(runs):
            result, clips = sentence.results[number], sentence.clips[number]
            found: dict[str, Any] = {
                "item": item.id,
                "reference": sentence.id,
                "sentence": sentence.text,
                "kind": item.kind,
                "run": run.label,
                "status": result.status,
                **(item.score(number, sentence) or {}),
                "frames": [clip.frame for clip in clips],
                "boxes": [[list(pivot.box) for pivot in clip.pivots] for clip in clips],
            }
            right = _means(judged(item, sentence, number))
            found |= {f"right_{step.removeprefix('pivot_')}{_plural(step)}": v for step, v in right.items()}
            found |= _asked(item, sentence, number)
            if number:
                (pair,) = [one for one in sentence.pairs if (one.a, one.b) == (0, number)]
                found |= {f"{name}_as_first": v for name, v in _means(sentence_measures(pair)).items()}
            yield found


def _plural(step: str) -> str:
    return "es" if step.endswith("x") else "s"


def _asked(item: ComparedItem, sentence: Sentence, run: int) -> dict[str, Any]:
    """What was asked about a sentence; of whatever sounds, about each thing, too."""
    mine = {sentence.id} | {clip.query_id for clip in sentence.clips[run]}
    calls = [call for call in item.runs[run].calls if call["address"]["reference"] in mine]
    all_steps = sum(asked(calls).values(), Asked())
    took = all_steps.took
    found = {
        "questions": took.questions,
        "replies": all_steps.replies,
        "invalid": all_steps.invalid,
        "retried": all_steps.retried,
        "prompt_tokens": took.prompt_tokens,
        "completion_tokens": took.completion_tokens,
        "seconds": round(all_steps.seconds, 3),
    }
    return found if took.dollars is None else {**found, "dollars": took.dollars}


def _means(measures: Iterator[tuple[str, float]]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for name, value in measures:
        values.setdefault(name, []).append(value)
    return {name: sum(some) / len(some) for name, some in values.items()}


class CsvRows:
    """Writes rows as CSV, as they come.

    Words are written so that no spreadsheet takes them for a formula: an apostrophe goes before ``=``, ``+``, ``-``
    and ``@``, and control characters are spelled out.

    Args:
        file: opened with ``newline=""``.
        runs: those that are compared.
    """

    def __init__(self, file: TextIO, runs: Sequence[ComparedRun]) -> None:
        self._runs = runs
        self._writer = csv.DictWriter(file, columns(runs))
        self._writer.writeheader()

    def add(self, item: ComparedItem) -> None:
        """Write the rows of one video."""
        for row in rows(item, self._runs):
            self._writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: object) -> object:
    if isinstance(value, str):
        text = visible(value)
        return f"'{text}" if _FORMULA.match(text) else text
    return json.dumps(value) if isinstance(value, list) else value
