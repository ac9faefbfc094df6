"""``alref-local serve BACKEND``, and ``serve status | stop | logs``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from alref_local.cli.options import card_option, set_option, sound_option

_EPILOG = """\b
serve BACKEND [--detach]    start vLLM for a card (name or path) on this machine's free GPUs, and keep it alive
serve status [BACKEND]      how servers stand; exit code 1 unless all of them serve
serve logs [BACKEND] [-f]   what a server wrote
serve stop [BACKEND]        end it, and everything that it started
"""
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_port = click.option(
    "--port", type=click.IntRange(1, 65535), help="Of several servers, the one at this port."
)


class _StartUnlessNamed(click.Group):
    """``serve BACKEND`` is short for ``serve start BACKEND``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["start", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_StartUnlessNamed, epilog=_EPILOG)
def command() -> None:
    """Serve an open model with vLLM: start, watch, restart, stop."""


@command.command()
@click.argument("backend")
@click.option("--detach", "-d", is_flag=True, help="Return when it is ready, and leave it running.")
@click.option("--port", type=click.IntRange(1, 65535), help="By default that of the card.")
@click.option("--host", help="Address to listen at: by default the loopback; others need a key.")
@click.option(
    "--config", "-c", default="default", show_default=True, help="Leave room for the models of this config."
)
@sound_option
@click.option("--alone", is_flag=True, help="Leave no room: videos are segmented elsewhere.")
@click.option("--processor", is_flag=True, help="Serve without a GPU, by a vLLM that is built for it.")
@set_option
@card_option
@click.option("--dry-run", is_flag=True, help="Say what would be started; start nothing.")
@_json
def start(
    backend: str,
    changes: tuple[str, ...],
    fields: tuple[str, ...],
    detach: bool,
    dry_run: bool,
    as_json: bool,
    **how: object,
) -> None:
    """Serve BACKEND, a card (name or path) of kind vllm, until Ctrl-C or `serve stop`."""
    from alref_local.cli.serving import launch_lines, ready_lines, tell
    from alref_local.configs import parse_changes
    from alref_local.reason.card import load_card
    from alref_local.serve.background import detach as go
    from alref_local.serve.background import supervise
    from alref_local.serve.prepare import Asked, prepare

    card = load_card(backend).overridden(parse_changes(fields))
    asked = Asked(card, changes=parse_changes(changes), **how)  # type: ignore[arg-type]
    prepared = prepare(asked, start=not dry_run)
    for line in launch_lines(prepared):
        click.echo(line, err=True)
    if dry_run:
        if as_json:
            click.echo(
                json.dumps({"command": prepared.launch.command, "gpus": prepared.launch.gpus}, indent=2)
            )
        return
    if not detach:
        supervise(prepared.launch, tell)
        return
    state = go(prepared.launch)
    if as_json:
        click.echo(json.dumps(asdict(state), indent=2))
    else:
        for line in ready_lines(prepared):
            click.echo(line)


@command.command()
@click.argument("backend", required=False)
@_port
@_json
def status(backend: str | None, port: int | None, as_json: bool) -> int:
    """How the servers that were started here stand."""
    from alref_local.cli.serving import status_lines
    from alref_local.serve.control import chosen
    from alref_local.serve.control import status as of

    rows = [of(slot) for slot in chosen(backend, port)]
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(status_lines(rows)))
    return int(not rows or any(row["phase"] != "serving" for row in rows))


@command.command()
@click.argument("backend", required=False)
@_port
def stop(backend: str | None, port: int | None) -> None:
    """End the servers of BACKEND, or all, and whatever is left of earlier ones."""
    from alref_local.serve.control import chosen
    from alref_local.serve.control import stop as end

    ended = [slot.folder.name for slot in chosen(backend, port) if end(slot)]
    click.echo(f"Stopped: {', '.join(ended)}." if ended else "Nothing was running.")


@command.command()
@click.argument("backend", required=False)
@_port
@click.option("-n", "--lines", type=click.IntRange(0), default=50, show_default=True, help="The last lines.")
@click.option("--follow", "-f", is_flag=True, help="Go on as it writes.")
def logs(backend: str | None, port: int | None, lines: int, follow: bool) -> None:
    """What the server of BACKEND wrote, or that which was started last."""
    from alref_local.serve.control import chosen, tail
    from alref_local.serve.control import follow as on

    found = chosen(backend, port)
    if not found:
        click.echo("No server was started here.", err=True)
        return
    slot = found[0]
    click.echo(f"{slot.log}:", err=True)
    for line in on(slot, lines) if follow else tail(slot, lines):
        click.echo(line)
        sys.stdout.flush()
