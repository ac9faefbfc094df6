"""``alref-local plan --config CONFIG --backend BACKEND [--host FILE]``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from alref_local.cli.options import card_option, set_option, sound_option


@click.command()
@click.option("--backend", "-b", default="qwen", show_default=True, help="Backend card (name or path).")
@click.option("--config", "-c", default="default", show_default=True, help="Config (name or path).")
@set_option
@card_option
@sound_option
@click.option("--alone", is_flag=True, help="Only the language model's server.")
@click.option(
    "--host",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file that describes another machine: `gpus: [{name: L40S, gib: 48, count: 2}]`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    backend: str,
    config: str,
    changes: tuple[str, ...],
    fields: tuple[str, ...],
    sound: bool,
    alone: bool,
    file: Path | None,
    as_json: bool,
) -> int:
    """Say which model goes on which GPU of this machine (or another), and why; exit 3 if it does not fit."""
    from alref_local.cli.placing import plan_lines
    from alref_local.configs import parse_changes
    from alref_local.reason.card import load_card
    from alref_local.serve.advice import fitting_cards
    from alref_local.serve.hosts import load_host, read_host
    from alref_local.serve.prepare import Asked, place_card
    from alref_local.serve.reasons import as_json as told

    card = load_card(backend).overridden(parse_changes(fields))
    host = load_host(file) if file else read_host()
    settings = parse_changes(changes)
    placed, needs = place_card(Asked(card, config, settings, sound=sound, alone=alone), host)
    others = [] if placed.fits else fitting_cards(host, config, settings, sound=sound, alone=alone)
    if as_json:
        click.echo(json.dumps({**told(placed, needs), "instead": [one.name for one in others]}, indent=2))
    else:
        for line in plan_lines(placed, needs, others, backend, config):
            click.echo(line)
    return 0 if placed.fits else 3
