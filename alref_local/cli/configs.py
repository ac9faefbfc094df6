"""``alref-local configs [NAME]``."""

from __future__ import annotations

import json

import click
import yaml

from alref_local.configs import list_configs, load_config


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the configs; with NAME (or a path), show every setting it ends up with."""
    if name is not None:
        settings = load_config(name).model_dump()
        click.echo(
            json.dumps(settings, indent=2) if as_json else yaml.safe_dump(settings, sort_keys=False),
            nl=as_json,
        )
        return
    rows = {config: load_config(config).about for config in list_configs()}
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(map(len, rows))
    for config, about in rows.items():
        click.echo(f"{config:<{width}}  {about}")
