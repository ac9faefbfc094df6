"""What `alref-local serve` says."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from alref_local.serve.key import KEY_ENV
from alref_local.serve.prepare import Prepared
from alref_local.serve.reasons import reasons
from alref_local.serve.state import State

__all__ = ["launch_lines", "ready_lines", "status_lines", "tell"]


def launch_lines(prepared: Prepared) -> Iterator[str]:
    """Why the model goes where it goes, and the command."""
    yield from reasons(prepared.placed, prepared.needs)
    yield shlex.join(prepared.launch.command)


def ready_lines(prepared: Prepared) -> Iterator[str]:
    """Where the server is reached, and how it is asked."""
    launch = prepared.launch
    yield f"{launch.model} is ready at {launch.endpoint}; `alref-local serve stop {launch.backend}` ends it."
    if prepared.changes:
        yield f"Ask it with {' '.join(f'--card {change}' for change in prepared.changes)}."
    if prepared.key_file:
        yield f'Its key: export {KEY_ENV}="$(cat {shlex.quote(str(prepared.key_file))})"'


def tell(state: State) -> None:
    """A line for every change, for people."""
    said = {"starting": "starting", "serving": f"ready at {state.endpoint}", "stopped": "stopped"}
    text = state.said or said.get(state.phase, state.phase)
    if state.phase != "failed":  # the error says it
        click.echo(f"{time.strftime('%H:%M:%S')} {state.backend}: {text}", err=True)


def status_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each server, and what there is to say about it."""
    if not rows:
        yield "No server was started here."
    for row in rows:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["since"]))
        restarts = f", started again {row['restarts']} times" if row["restarts"] else ""
        gpus = f" on GPU {', '.join(row['gpus'])}" if row["gpus"] else ""
        yield f"{row['backend']}  {row['phase']} since {since}{restarts}  {row['model']} at {row['endpoint']}{gpus}"
        if row["said"]:
            yield f"    {row['said']}"
