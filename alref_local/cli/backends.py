"""``alref-local backends [NAME]``."""

from __future__ import annotations

import click

from alref_local.cli.listing import list_files, show_file
from alref_local.reason.card import list_cards, load_card


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the reasoning backends; with NAME (or a path), show its card."""
    if name is None:
        list_files({card: load_card(card).about for card in list_cards()}, as_json)
    else:
        show_file(load_card(name).model_dump(mode="json"), as_json)
