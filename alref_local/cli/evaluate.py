"""``alref-local evaluate DATASET --root DIR --run FOLDER``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alref_local.cli.options import (
    cache_option,
    card_option,
    device_option,
    endpoint_option,
    offline_option,
    repeat_option,
    seed_option,
    set_option,
    workers_option,
)
from alref_local.cli.pace import PaceLine
from alref_local.visible import visible

if TYPE_CHECKING:
    from alref_local.evaluate import Evaluation

_EPILOG = """\b
DATASET is a name from `alref-local datasets list`; `datasets check` says whether ROOT is complete.
FOLDER holds a run folder for every video, journal.sqlite, result.json and timings.json. The same command
again goes on where the last one stopped, and tries again what failed."""


@click.command(epilog=_EPILOG)
@click.argument("dataset")
@click.option("--root", type=click.Path(path_type=Path), default=".", help="Folder of the data set.")
@click.option("--run", "folder", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option("--split", default="", help="A split; by default the one that is evaluated.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first videos.")
@click.option(
    "--backend", "-b", default="none", show_default=True, help="Backend card (name or path), or replay:RUN."
)
@click.option("--config", "-c", default="default", show_default=True, help="Config (name or path).")
@set_option
@card_option
@endpoint_option
@workers_option
@click.option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="Where workers run: on this machine, or on a Ray cluster (RAY_ADDRESS).",
)
@click.option(
    "--background",
    type=float,
    default=0.0,
    show_default=True,
    help="Level of the background where objects are merged (Ref-DAVIS17); the released code has -1.",
)
@device_option
@seed_option
@repeat_option
@cache_option
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    dataset: str,
    root: Path,
    folder: Path,
    changes: tuple[str, ...],
    fields: tuple[str, ...],
    as_json: bool,
    **rest: Any,
) -> int:
    """Segment the data set DATASET, whatever happens on the way, and score it."""
    from alref_local.configs import parse_changes
    from alref_local.evaluate import evaluate

    with PaceLine(dataset) as line:
        done = evaluate(
            dataset,
            root,
            folder,
            changes=parse_changes(changes),
            card=parse_changes(fields),
            tell=line.tell,
            **rest,
        )
    for one in done.failed:
        said = f"{one.id} failed: {one.error}" + (f" Hint: {one.hint}" if one.hint else "")
        click.echo(visible(said), err=True)
    if done.failed:
        click.echo(f"{len(done.failed)} failed; the same command tries them again.", err=True)
    for id, reason in done.result["unscored"].items():
        click.echo(visible(f"{id} is not scored: {reason}"), err=True)
    if as_json:
        failed = [{"id": one.id, "error": one.error, "hint": one.hint} for one in done.failed]
        click.echo(json.dumps({**done.result, "failed": failed}, indent=2, ensure_ascii=False))
    else:
        for text in _table(done):
            click.echo(visible(text))
    return 1 if done.failed or done.result["unscored"] else 0


def _table(done: Evaluation) -> Iterator[str]:
    """Scores by part, the whole last, and the intervals."""
    result = done.result
    rows: dict[str, Mapping[str, float]] = {**result["parts"], "all": result["scores"]}
    names = list(result["scores"])
    if not names and not result["unscored"]:
        yield f"{result['videos']} videos are segmented; there is no truth to score them by."
    elif names:
        width = max(map(len, rows))
        yield f"{'':<{width}}  " + "  ".join(f"{name:>5}" for name in names)
        for part, row in rows.items():
            cells = [f"{row[name]:.3f}" if name in row else "" for name in names]
            yield f"{part:<{width}}  " + "  ".join(
                f"{cell:>{max(5, len(name))}}" for cell, name in zip(cells, names, strict=True)
            )
        for name, (low, high) in result["intervals"].items():
            yield f"{name}: {low:.3f} to {high:.3f} (95 %, over videos)"
    yield str(done.folder / "result.json")
