"""A comparison as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

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
from alref_local.compare.result import Comparison, PairSummary
from alref_local.compare.verdict import main_first, main_name, verdict
from alref_local.visible import visible

__all__ = ["tables"]

_WORST = 5


def tables(found: Comparison) -> Group:
    """Everything that ``compare`` prints."""
    parts: list[RenderableType] = [_runs(found), *_steps(found), *_spread(found)]
    for pair in found.pairs:
        parts += [Text(visible(verdict(pair, found)), "bold"), *_pair(pair, found.sentences)]
    if found.left_out:
        parts.append(Text(f"{len(found.left_out)} left out, the first of them: {_left_out(found)}"))
    return Group(*(Padding(part, (0, 0, 1, 0), expand=False) for part in parts))


def _runs(found: Comparison) -> Table:
    names = main_first(name for run in found.runs for name in run.scores)[:3]
    table = _table(f"{found.videos} videos, {found.sentences} sentences", "run", "backend", *names)
    for title in ("right frames", "right boxes", "s a video", "dollars"):
        table.add_column(title, justify="right")
    for run in found.runs:
        table.add_row(
            _text(run.label),
            _text(run.backend + (f" x{run.repeat}" if run.repeat > 1 else "")),
            *(mean_text(run.scores.get(name)) for name in names),
            *(mean_text(run.right.get(step), 2, False) for step in ("pivot_frame", "pivot_box")),
            f"{run.seconds / max(1, found.videos):.1f}",
            dollars(run.asked),
        )
    return table


def _steps(found: Comparison) -> Iterator[Table]:
    table = _table("", "step", "run", "questions", "valid", "retried", "tokens in", "out", "s", "from cache")
    for step in dict.fromkeys(step for run in found.runs for step in run.steps):
        for run in found.runs:
            if (one := run.steps.get(step)) is not None:
                took = one.took
                table.add_row(
                    STEPS.get(step, _text(step)),
                    _text(run.label),
                    f"{took.questions:,}",
                    percent(one.validity),
                    percent(one.retry_rate),
                    f"{took.prompt_tokens:,}",
                    f"{took.completion_tokens:,}",
                    f"{one.seconds:.1f}",
                    f"{took.from_cache:,}",
                )
    if table.row_count:
        yield table


def _spread(found: Comparison) -> Iterator[Table]:
    """How often two answers to one question agree: of one run that asked several times, and of two runs."""
    measures = dict.fromkeys(name for run in found.runs for name in run.within)
    titles = [SPREAD.get(name, name) for name in measures]
    table = _table("two answers to one question agree", "whose", *titles)
    for run in found.runs:
        if run.within:
            shares = (mean_text(run.within.get(name)) for name in measures)
            table.add_row(_text(f"{run.label} with itself"), *shares)
    for pair in found.pairs:
        if pair.single:
            table.add_row(
                _text(f"{pair.a} with {pair.b}"), *(mean_text(pair.single.get(name)) for name in measures)
            )
    if measures:
        yield table


def _pair(pair: PairSummary, total: int) -> Iterator[RenderableType]:
    if pair.scores:
        scores = _table("", "score", pair.a, pair.b, "difference", "95 %", "p")
        for name in main_first(pair.scores):
            one = pair.scores[name]
            ends = (
                "" if one.difference.videos < 2 else f"{one.difference.low:.3f} to {one.difference.high:.3f}"
            )
            p = p_text(one.p_corrected).removeprefix("p ").removeprefix("= ")
            scores.add_row(name, f"{one.a:.3f}", f"{one.b:.3f}", signed(one.difference.mean), ends, p)
        yield scores
    if pair.agreement:
        yield _agreement(pair)
    if pair.right:
        right = _table("", "right where they disagree", "both", pair.a, pair.b, "neither", "p (McNemar)")
        for step, case in pair.right.items():
            cells = (case.both, case.only_a, case.only_b, case.neither)
            right.add_row(STEPS[step], *map(str, cells), f"{case.p:.3f}")
        yield right
    yield from _broken_down(pair)
    if pair.disagreements:
        yield _worst(pair, total)


def _agreement(pair: PairSummary) -> Table:
    table = _table("", "agreement", "mean", "95 %", "of")
    for name, title in AGREEMENT.items():
        if (one := pair.agreement.get(name)) is not None:
            table.add_row(title, f"{one.mean:.3f}", ends_text(one), str(one.values))
    return table


def _broken_down(pair: PairSummary) -> Iterator[Table]:
    score = main_name(pair)
    shown = {
        "sampled frames": ("pivot_frame", "pivot_frame_near"),
        "candidates": ("pivot_box", "pivot_box_iou"),
    }
    for name, title in BY.items():
        if not (groups := pair.by.get(name)):
            continue
        measures = shown.get(name, ("pivot_frame", "pivot_box", "masks"))
        with_score = score if name not in shown else None
        heads = [
            *([f"{with_score} difference", "95 %"] if with_score else []),
            *(m.replace("_", " ") for m in measures),
        ]
        table = _table("", title, *heads)
        for group, found in groups.items():
            cells = [mean_text(found.get(measure), 3, False) for measure in measures]
            if with_score:
                one = found.get(with_score)
                cells = [signed(one.mean) if one else "", ends_text(one) if one else "", *cells]
            table.add_row(_text(group), *cells)
        yield table


def _worst(pair: PairSummary, total: int) -> Table:
    table = _table(
        f"they disagree on {pair.disagreeing} of {total} sentences, most on",
        "video",
        "sentence",
        pair.a,
        pair.b,
        "masks IoU",
    )
    for one in pair.disagreements[:_WORST]:
        table.add_row(
            _text(one.item),
            _text(one.text or "whatever sounds"),
            *("" if score is None else f"{score:.3f}" for score in one.scores),
            "" if one.masks is None else f"{one.masks:.3f}",
        )
    return table


def _table(title: str, first: str, *rest: str) -> Table:
    table = Table(title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False)
    table.add_column(_text(first))
    for name in rest:
        left = name in ("run", "backend", "sentence")
        table.add_column(_text(name), justify="left" if left else "right")
    return table


def _text(words: str) -> Text:
    return Text(visible(words))


def _left_out(found: Comparison) -> str:
    return "; ".join(visible(f"{one.id} ({one.why})") for one in found.left_out[:3])
