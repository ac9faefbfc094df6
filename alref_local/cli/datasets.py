"""``alref-local datasets list`` and ``alref-local datasets check ROOT --dataset NAME``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from alref_local.cli.listing import list_files

_SHOWN = 20


@click.group()
def command() -> None:
    """List the data sets, or say what is missing from one."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the data sets that can be evaluated."""
    from alref_local.datasets import DATASETS

    list_files({name: one.about for name, one in DATASETS.items()}, as_json)


@command.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--dataset", "name", required=True, help="Its name (`datasets list`).")
@click.option("--split", default="", help="A split; by default the one that is evaluated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(context: click.Context, root: Path, name: str, split: str, as_json: bool) -> None:
    """Say what is missing from the data set in the folder ROOT, and count what is there."""
    from alref_local.datasets import check as look
    from alref_local.datasets import find_dataset

    found = look(name, root, split)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        counts = ", ".join(f"{count} {what}" for what, count in found.counts.items())
        click.echo(f"{name}: {counts or 'nothing that can be used'}.")
        for line in (*found.remarks, *found.problems[:_SHOWN]):
            click.echo(line)
        if len(found.problems) > _SHOWN:
            click.echo(f"And {len(found.problems) - _SHOWN} more (--json lists all).")
        if found.problems:
            click.echo(f"Its files:{find_dataset(name).layout.rstrip()}", err=True)
    if found.problems:
        context.exit(1)
