"""A comparison in a notebook: what came out as sentences and as a table, and every row as pandas has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alref_local.compare.figures import mean_text
from alref_local.compare.result import Comparison
from alref_local.compare.rows import rows
from alref_local.compare.runs import open_runs
from alref_local.compare.scan import Walk
from alref_local.compare.verdict import main_first, verdict
from alref_local.runs.display import cell, table_html
from alref_local.runs.tables import data_frame

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["comparison_html", "scores_table", "sentences"]


def comparison_html(found: Comparison) -> str:
    """Verdicts, scores, agreement."""
    told = "".join(f"<p>{cell(verdict(pair, found))}</p>" for pair in found.pairs)
    names = main_first(name for run in found.runs for name in run.scores)
    scores = table_html(
        ("run", *names),
        ([cell(run.label), *(cell(mean_text(run.scores.get(name))) for name in names)] for run in found.runs),
    )
    measures = list(dict.fromkeys(name for pair in found.pairs for name in pair.agreement))
    agreement = table_html(
        ("agreement", *(name.replace("_", " ") for name in measures)),
        (
            [
                cell(f"{pair.a}, {pair.b}"),
                *(cell(mean_text(pair.agreement.get(name), 2, False)) for name in measures),
            ]
            for pair in found.pairs
        ),
    )
    return f"<div>{told}{scores}{agreement if measures else ''}</div>"


def scores_table(found: Comparison) -> DataFrame:
    """A row for every two runs and score: ``a, b, score, mean_a, mean_b, difference, low, high, p, p_corrected``."""
    return data_frame(
        [
            {
                "a": pair.a,
                "b": pair.b,
                "score": name,
                "mean_a": one.a,
                "mean_b": one.b,
                "difference": one.difference.mean,
                "low": one.difference.low,
                "high": one.difference.high,
                "p": one.p,
                "p_corrected": one.p_corrected,
            }
            for pair in found.pairs
            for name, one in pair.scores.items()
        ]
    )


def sentences(runs: Sequence[str | Path], *, root: str | Path | None = None) -> DataFrame:
    """A row for every sentence and run; the columns are those of ``compare --csv`` (see ``compare.rows``).

    Raises:
        ConfigError: as `compare`.
        PrerequisiteError: pandas is not installed.
    """
    opened = open_runs([Path(run) for run in runs])
    walk = Walk(opened, None if root is None else Path(root))
    return data_frame([row for item in walk for row in rows(item, opened)])
