"""``alref-local report RUN... -o FOLDER``."""

from __future__ import annotations

from pathlib import Path

import click

_EPILOG = """\b
RUN is a folder that `evaluate --run` or `segment -o` wrote. FOLDER can be moved, zipped and sent:
index.html opens from disk, without a server and without network."""


@click.command(epilog=_EPILOG)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), default="report", show_default=True, help="Its folder."
)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="Folder of the data set: tells which pivots are right, and kinds. The drawn world needs none.",
)
def command(runs: tuple[Path, ...], out: Path, root: Path | None) -> None:
    """Write a page about RUNS over the same videos: every sentence with what each run saw, said and chose."""
    from alref_local.cli.counting import counted
    from alref_local.compare.verdict import verdict
    from alref_local.report import report
    from alref_local.visible import visible

    page, found = report(runs, out, root=root, through=lambda walk: counted(walk, "reporting"))
    for pair in found.pairs:
        click.echo(visible(verdict(pair, found)))
    click.echo(str(page))
