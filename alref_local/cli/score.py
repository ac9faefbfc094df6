"""``alref-local score PRED TRUTH``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("pred", type=click.Path(path_type=Path))
@click.argument("truth", type=click.Path(path_type=Path))
@click.option(
    "--objects",
    type=click.Choice(["union", "identity", "hungarian"]),
    default="union",
    show_default=True,
    help="One object per sequence, or objects by number, or matched as in unsupervised DAVIS.",
)
@click.option(
    "--frames",
    type=click.Choice(["all", "no-first", "no-ends"]),
    default="all",
    show_default=True,
    help="Frames that count.",
)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(pred: Path, truth: Path, as_json: bool, **rules: Any) -> None:
    """Score masks in PRED against TRUTH by the DAVIS rule: two folders of SEQ/*.png, or of *.png."""
    from alref_local.metrics import score_folders, unscored

    scores = score_folders(pred, truth, **rules)
    if left_out := unscored(pred, truth):
        click.echo(f"Not in {pred}, and left out of the mean: {', '.join(left_out)}", err=True)
    if as_json:
        click.echo(json.dumps(scores, indent=2))
        return
    width = max(len("mean"), *(len(name) for name in scores["sequences"]))
    click.echo(f"{'':<{width}}   J&F      J      F")
    for name, row in [*scores["sequences"].items(), ("mean", scores["mean"])]:
        click.echo(f"{name:<{width}}  {row['J&F']:.3f}  {row['J']:.3f}  {row['F']:.3f}")
