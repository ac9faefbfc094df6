"""The page itself: figures as HTML that is escaped by the template engine; the list and the items are scripts' work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from alref_local.compare import Comparison
from alref_local.compare.figures import (
    BY,
    SPREAD,
    STEPS,
    dollars,
    ends_text,
    mean_text,
    p_text,
    percent,
    signed,
)
from alref_local.compare.measures import AGREEMENT
from alref_local.compare.result import PairSummary
from alref_local.compare.verdict import better, main_first, main_name, verdict
from alref_local.visible import visible

__all__ = ["overview"]


def overview(found: Comparison, *, shards: int) -> str:
    """``index.html``.

    Args:
        found: the figures.
        shards: files of the list.
    """
    pages = Environment(
        loader=PackageLoader("alref_local.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("index.html.j2").render(
        title=_title([run.label for run in found.runs]),
        judged=any(run.right for run in found.runs),
        priced=any(run.asked.took.dollars is not None for run in found.runs),
        found=found,
        shards=shards,
        scores=main_first(name for run in found.runs for name in run.scores)[:3],
        verdicts=[_verdict(pair, found) for pair in found.pairs],
        agreement=[
            (title, [pair.agreement.get(name) for pair in found.pairs])
            for name, title in AGREEMENT.items()
            if any(name in pair.agreement for pair in found.pairs)
        ],
        spread=list(_spread(found)),
        steps=_steps(found),
        by=list(_by(found)),
        names=STEPS,
        mean_text=mean_text,
        ends_text=ends_text,
        percent=percent,
        dollars=dollars,
        p_text=p_text,
        signed=signed,
        main_name=main_name,
    )


def _title(labels: Sequence[str]) -> str:
    if len(labels) == 2:
        return " against ".join(labels)
    return ", ".join(labels)


def _verdict(pair: PairSummary, found: Comparison) -> dict[str, Any]:
    """The sentence, and where its interval lies on a line from -1 to 1 (as 0 to 100)."""
    name = main_name(pair)
    told: dict[str, Any] = {"text": verdict(pair, found), "line": None, "sure": False}
    if name is None or pair.scores[name].difference.videos < 2:
        return told
    score = pair.scores[name]
    low, mean, high = (
        50 + 50 * value for value in (score.difference.low, score.difference.mean, score.difference.high)
    )
    return told | {"line": {"low": low, "mean": mean, "high": high}, "sure": better(score) != 0}


def _steps(found: Comparison) -> list[str]:
    return list(dict.fromkeys(step for run in found.runs for step in run.steps))


def _spread(found: Comparison) -> Iterator[tuple[str, list[Any]]]:
    """By measure, how far two answers to one question agree: of each run that repeated, then of each two runs."""
    for name in dict.fromkeys(name for run in found.runs for name in run.within):
        yield (
            SPREAD.get(name, name),
            [one.get(name) for one in (*(r.within for r in found.runs), *(p.single for p in found.pairs))],
        )


def _by(found: Comparison) -> Iterator[tuple[PairSummary, str, list[str], list[tuple[str, list[str]]]]]:
    """Pair, property, names of the columns, rows."""
    for pair in found.pairs:
        score = main_name(pair)
        for name, title in BY.items():
            measures = [
                m
                for m in (score, *AGREEMENT)
                if m and any(m in one for one in pair.by.get(name, {}).values())
            ]
            heads = [f"{m}, difference" if m == score else AGREEMENT[m] for m in measures]
            rows = [
                (group, [mean_text(one.get(m)) for m in measures])
                for group, one in pair.by.get(name, {}).items()
            ]
            if rows:
                yield pair, title, heads, rows
