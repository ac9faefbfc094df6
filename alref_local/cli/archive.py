"""``alref-local archive write RUN -o FILE.zip`` and ``alref-local archive check FILE.zip --dataset NAME``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from alref_local.datasets import Checked

_SHOWN = 20
_ROOT = click.option("--root", type=click.Path(path_type=Path), default=".", help="Folder of the data set.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Write the archive that a benchmark's server takes, or check one."""


@command.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", "-o", type=click.Path(path_type=Path), required=True, help="The archive, a zip file.")
@_ROOT
@_JSON
def write(run: Path, out: Path, root: Path, as_json: bool) -> int:
    """Write the masks of the evaluation RUN as its benchmark takes them, and check the archive."""
    from alref_local.handin import write_archive

    found = write_archive(run, out, root)
    if found.problems:
        click.echo(f"{out} is not written: its benchmark would not take it.", err=True)
    return _tell(out, found, as_json)


@command.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--dataset", "name", required=True, help="Its name (`datasets list`).")
@_ROOT
@click.option("--split", default="", help="A split; by default the one that the benchmark scores.")
@_JSON
def check(archive: Path, name: str, root: Path, split: str, as_json: bool) -> int:
    """Say what is wrong with the zip file ARCHIVE, whoever made it."""
    from alref_local.handin import check_archive

    return _tell(archive, check_archive(archive, name, root, split), as_json)


def _tell(archive: Path, found: Checked, as_json: bool) -> int:
    """What is in an archive, and what is wrong with it; 1 if anything is."""
    if as_json:
        click.echo(json.dumps({"archive": str(archive), **asdict(found)}, indent=2))
    else:
        counts = ", ".join(f"{count:,} {what}" for what, count in found.counts.items())
        for line in (*found.remarks, *found.problems[:_SHOWN]):
            click.echo(line)
        if len(found.problems) > _SHOWN:
            click.echo(f"And {len(found.problems) - _SHOWN} more (--json lists all).")
        if not found.problems:
            click.echo(f"{archive}: {counts}; as the benchmark takes it.")
    return 1 if found.problems else 0
