"""``alref-local selftest``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from alref_local.cli.options import card_option, device_option, offline_option, set_option

if TYPE_CHECKING:
    from alref_local.selftest import Check


@click.command()
@click.option("--config", "-c", default="default", show_default=True, help="Config (name or path).")
@click.option("--backend", "-b", default="none", show_default=True, help="Backend card (name or path).")
@click.option("--sound", is_flag=True, help="Try the models that listen, too.")
@set_option
@card_option
@device_option
@offline_option
def command(changes: tuple[str, ...], fields: tuple[str, ...], **rest: Any) -> int:
    """Try every model of a config by itself, then all of it, on a drawn clip; print one JSON to send back."""
    from alref_local.configs import parse_changes
    from alref_local.selftest import selftest

    found = selftest(changes=parse_changes(changes), card=parse_changes(fields), tell=_tell, **rest)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    return 0 if found["ok"] else 1


def _tell(check: Check) -> None:
    """One line on stderr."""
    said = f"{'ok  ' if check.ok else 'FAIL'}  {check.name} ({check.seconds:.1f} s)"
    click.echo(f"{said}: {check.error} {check.hint}".rstrip() if check.error else said, err=True)
