"""``alref-local backends [NAME]``."""

from __future__ import annotations

import json

import click
import yaml

from alref_local.reason.card import list_cards, load_card


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the reasoning backends; with NAME (or a path), show its card."""
    if name is not None:
        shown = load_card(name).model_dump(mode="json")
        click.echo(
            json.dumps(shown, indent=2) if as_json else yaml.safe_dump(shown, sort_keys=False), nl=as_json
        )
        return
    rows = {card: load_card(card).about for card in list_cards()}
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(map(len, rows))
    for card, about in rows.items():
        click.echo(f"{card:<{width}}  {about}")
