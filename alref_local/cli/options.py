"""Options that several commands share."""

from __future__ import annotations

import click

from alref_local.offline import go_offline

__all__ = [
    "cache_option",
    "card_option",
    "device_option",
    "endpoint_option",
    "offline_option",
    "repeat_option",
    "seed_option",
    "set_option",
    "sound_option",
    "workers_option",
]


def _offline(_: click.Context, __: click.Parameter, asked: bool) -> bool:
    if asked:
        go_offline()  # before a library is imported that would read the environment
    return asked


offline_option = click.option(
    "--offline",
    is_flag=True,
    is_eager=True,
    callback=_offline,
    help="Use no network but this machine's own (as HF_HUB_OFFLINE=1).",
)

sound_option = click.option("--sound", is_flag=True, help="Count the models that hear, too.")

card_option = click.option(
    "--card",
    "fields",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one field of the backend card, e.g. endpoint=http://gpu1:8000/v1.",
)
set_option = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting of the config, e.g. pivots.frame=first.",
)

device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
seed_option = click.option("--seed", type=int, help="Seed of the backend's sampling, instead of the card's.")
repeat_option = click.option(
    "--repeat",
    type=click.IntRange(min=1),
    metavar="N",
    help="Ask every question N times and count the votes.",
)
cache_option = click.option(
    "--cache/--no-cache", default=True, help="Ask nothing again that any run asked before."
)
endpoint_option = click.option(
    "--endpoint", "endpoints", multiple=True, metavar="URL", help="Of the backend; several are taken in turn."
)
workers_option = click.option(
    "--workers", type=click.IntRange(1), help="How many; by default one for each GPU, or one."
)
