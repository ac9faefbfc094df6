"""How bundled files (cards, configs) are listed and shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click
import yaml

__all__ = ["list_files", "show_file"]


def show_file(content: Mapping[str, Any], as_json: bool) -> None:
    """Print one file as YAML or JSON."""
    text = json.dumps(content, indent=2) if as_json else yaml.safe_dump(dict(content), sort_keys=False)
    click.echo(text.rstrip("\n"))


def list_files(abouts: Mapping[str, str], as_json: bool) -> None:
    """Print names with what they are about."""
    if as_json:
        click.echo(json.dumps(abouts, indent=2))
        return
    width = max(map(len, abouts))
    for name, about in abouts.items():
        click.echo(f"{name:<{width}}  {about}")
