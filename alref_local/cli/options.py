"""Options that several commands share."""

from __future__ import annotations

import click

from alref_local.offline import go_offline

__all__ = ["offline_option", "sound_option"]


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
