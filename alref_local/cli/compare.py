"""``alref-local compare RUN RUN...``."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import click

_EPILOG = """\b
RUN is a folder that `evaluate --run` or `segment -o` wrote. Only videos that all runs have are compared.
Intervals: bootstrap over videos. p: sign-flip permutation test over videos, corrected for the number of pairs."""


@click.command(epilog=_EPILOG)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="Folder of the data set: tells which pivots are right, and kinds. The drawn world needs none.",
)
@click.option(
    "--csv", "table", type=click.Path(path_type=Path), help="Also write a row for every sentence and run."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(runs: tuple[Path, ...], root: Path | None, table: Path | None, as_json: bool) -> None:
    """Say how RUNS over the same videos differ, where, who was right, and whether it is more than noise."""
    from alref_local.cli.counting import counted
    from alref_local.compare import open_runs
    from alref_local.compare.rows import CsvRows
    from alref_local.compare.scan import Walk
    from alref_local.compare.tables import tables
    from alref_local.compare.tally import Tally
    from alref_local.files import whole_text

    opened = open_runs(runs)
    walk, tally = Walk(opened, root), Tally(opened)
    with ExitStack() as files:
        rows = CsvRows(files.enter_context(whole_text(table)), opened) if table else None
        for item in counted(walk, "comparing"):
            tally.add(item)
            if rows:
                rows.add(item)
    found = tally.comparison(walk.left_out)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(tables(found))
