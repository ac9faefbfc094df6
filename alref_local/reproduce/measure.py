"""The rows of a table that are ours, measured on a data set, each beside the paper's figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alref_local.changes import merge
from alref_local.configs import load_config
from alref_local.datasets import find_dataset
from alref_local.evaluate import Begun, Evaluation, evaluate
from alref_local.evaluate.worker import Message
from alref_local.metrics import bootstrap
from alref_local.metrics.intervals import Interval
from alref_local.reason.card import load_card
from alref_local.reason.prompts import load_prompts
from alref_local.reproduce.tables import Row, Table

__all__ = ["Measured", "measure"]

_SCORES = {
    "J&F": ("J&F",),
    "J": ("J",),
    "F": ("F",),
    "M_J": ("M_J", "mIoU", "J"),
    "M_F": ("M_F released", "F"),
}
"""A metric of the paper -> what an evaluation calls it, the first that it has: AVSS and the drawn world have others."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One row.

    Attributes:
        row: of the table.
        paper: its figures, by metric; none for a data set or split that the paper has not.
        ours: the same metrics as fractions; none if the row was not measured.
        gain: of the first metric over the row that it is compared with, on the same sentences, with a 95 % interval.
        failed: how many videos failed, or could not be scored.
        note: why it was not measured, or what it cannot be compared with.
    """

    row: Row
    paper: Mapping[str, float | None]
    ours: Mapping[str, float]
    gain: Interval | None = None
    failed: int = 0
    note: str = ""


def measure(
    table: Table,
    data: str,
    root: Path,
    folder: Path,
    *,
    split: str = "",
    config: str = "",
    changes: Mapping[str, Any] | None = None,
    backend: str = "none",
    tell: Callable[[Begun | Message], None] = lambda message: None,
    **options: Any,
) -> Iterator[Measured]:
    """Evaluate every row that is ours in ``FOLDER/ROW``; the same call again goes on where the last one stopped.

    Args:
        table: of the paper.
        data: the data set.
        root: its folder.
        folder: of the runs.
        split: by default the one that is evaluated.
        config: what the rows are laid over, instead of their own protocols.
        changes: nested settings laid over config and row.
        backend: a card, or ``replay:`` with the folder of an earlier call.
        tell: as of ``evaluate``; every row begins anew.
        options: more of ``evaluate.evaluate``.

    Raises:
        AlrefError: as ``evaluate.evaluate``.
    """
    split = split or next(iter(find_dataset(data).splits))
    before: list[Evaluation] = []
    for row in table.rows:
        if row.changes is None:
            continue
        paper = _paper(table, row, data, split)
        asked: dict[str, Any] = {
            "config": config or row.protocol(data),
            "backend": _backend(backend, row, table),
        }
        mine = merge(row.changes, dict(changes or {}))
        if note := _unaskable(mine, **asked):
            yield Measured(row, paper, {}, note=note)
            continue
        done = evaluate(
            data, root, folder / row.slug, split=split, changes=mine, tell=tell, **asked, **options
        )
        compared = before[0 if table.gain_over == "first" else -1] if before else None
        before.append(done)
        ours = {metric: _score(metric, done.result["scores"]) for metric in table.metrics}
        yield Measured(
            row,
            paper,
            {metric: value for metric, value in ours.items() if value is not None},
            None if compared is None else _gain(table.metrics[0], done.result, compared.result),
            len(done.failed) + len(done.result["unscored"]),
            _note(table, data, split),
        )


def _paper(table: Table, row: Row, data: str, split: str) -> dict[str, float | None]:
    if data not in table.data or split != table.split:
        return {}
    return dict(zip(table.metrics, row.figures[table.data.index(data)], strict=True))


def _note(table: Table, data: str, split: str) -> str:
    """MeViS' valid is scored by a server: what can be scored here is another split."""
    if data not in table.data or split == table.split:
        return ""
    return f"the paper's figures are of the split {table.split}"


def _backend(backend: str, row: Row, table: Table) -> str:
    """Of an earlier call every row has its own replies."""
    kind, _, run = backend.partition(":")
    by_row = kind == "replay" and any((Path(run) / one.slug).is_dir() for one in table.rows)
    return f"replay:{Path(run) / row.slug}" if by_row else backend


def _unaskable(changes: Mapping[str, Any], config: str, backend: str) -> str:
    """Why a row cannot be measured; empty if it can."""
    card = load_card(backend)
    if card.run is not None and not card.run.is_dir():
        return "it was not measured in the run that is replayed"
    settings = load_config(config, card.settings, changes)
    prompt, prompts = settings.reasoning.box_prompt, settings.reasoning.prompts
    if settings.pivots.box == "reason" and prompt not in load_prompts(prompts).templates:
        return f"the prompts '{prompts}' have no {prompt}"
    return ""


def _score(metric: str, scores: Mapping[str, float]) -> float | None:
    return next((scores[name] for name in _SCORES[metric] if name in scores), None)


def _gain(metric: str, result: Mapping[str, Any], base: Mapping[str, Any]) -> Interval | None:
    """Over what both have scored; sentences of one video are drawn together."""
    differences, videos = [], []
    for video, rows in result["rows"].items():
        for reference, row in rows.items():
            ours, theirs = _score(metric, row), _score(metric, base["rows"].get(video, {}).get(reference, {}))
            if ours is not None and theirs is not None:
                differences.append(ours - theirs)
                videos.append(video)
    return bootstrap(differences, videos) if len(set(videos)) > 1 else None
