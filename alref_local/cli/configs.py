"""``alref-local configs [NAME]``."""

from __future__ import annotations

import click

from alref_local.cli.listing import list_files, show_file
from alref_local.configs import list_configs, load_config


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the configs; with NAME (or a path), show every setting it ends up with."""
    if name is None:
        list_files({config: load_config(config).about for config in list_configs()}, as_json)
    else:
        show_file(load_config(name).model_dump(mode="json"), as_json)
