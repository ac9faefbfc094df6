"""Options that several commands share."""

from __future__ import annotations

import click

from alref_local.offline import go_offline

__all__ = ["card_option", "offline_option", "set_option", "sound_option"]


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
    "--card", "fields", multiple=True, metavar="KEY=VALUE", help="Change one field of the backend card."
)
set_option = click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change one setting of the config."
)
