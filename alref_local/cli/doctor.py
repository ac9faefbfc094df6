"""``alref-local doctor --config CONFIG --backend BACKEND``."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

import click

from alref_local.cli.options import card_option, offline_option, set_option, sound_option


@click.command()
@click.option("--backend", "-b", default="none", show_default=True, help="Backend card (name or path).")
@click.option("--config", "-c", default="default", show_default=True, help="Config (name or path).")
@set_option
@card_option
@sound_option
@click.option("--deep", is_flag=True, help="Read every byte of the weights, which takes minutes.")
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    backend: str, config: str, changes: tuple[str, ...], fields: tuple[str, ...], as_json: bool, **how: bool
) -> int:
    """Examine this machine for CONFIG and BACKEND; exit code 3 if something is missing, with what mends it."""
    from alref_local.configs import parse_changes
    from alref_local.doctor import diagnose
    from alref_local.reason.card import load_card

    card = load_card(backend).overridden(parse_changes(fields))
    found = diagnose(card, config, parse_changes(changes), backend=backend, **how)
    well = all(finding.ok for finding in found)
    if as_json:
        click.echo(json.dumps({"ok": well, "findings": [asdict(one) for one in found]}, indent=2))
        return 0 if well else 3
    for one in found:
        click.echo(f"{'ok   ' if one.ok else 'FAULT'}  {one.name}: {one.said}")
        if not one.ok and one.mend:
            click.echo(textwrap.indent(one.mend, "       mend: "))
    return 0 if well else 3
