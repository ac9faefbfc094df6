"""The key of a server: from the environment, or drawn once and kept in a file for its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.reason.card import Card
from alref_local.reason.endpoint import on_this_machine

__all__ = ["KEY_ENV", "key_for"]

KEY_ENV = "ALREF_SERVER_KEY"
"""The variable of cards that name none."""


def key_for(card: Card, host: str, file: Path, *, keep: bool = True) -> str:
    """The key that a server asks for; empty if it needs none.

    A server that others can reach needs one: what the variable holds, or what ``file`` holds, which is drawn if it is
    not there, and written down if it is to be kept. On the loopback there is one if the card names a variable, or
    ``$ALREF_SERVER_KEY`` is set.

    Raises:
        PrerequisiteError: the card names a variable that is not set.
        ConfigError: the key has characters that no header takes, or the file cannot be used.
    """
    variable = card.key_env or KEY_ENV
    if key := os.environ.get(variable, "").strip():
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise ConfigError(
                f"The key in {variable} has characters that cannot be sent.",
                hint=f'export {variable}="$(openssl rand -hex 32)"',
            )
        return key
    if not on_this_machine(f"http://{_bracketed(host)}"):
        return _kept(file, keep)
    if card.key_env:
        raise PrerequisiteError(
            f"The card '{card.name}' wants a key in {card.key_env}, which is not set.",
            hint=f'export {card.key_env}="$(openssl rand -hex 32)"',
        )
    return ""


def _kept(file: Path, keep: bool) -> str:
    try:
        if file.is_file() and (key := file.read_text(encoding="ascii").strip()):
            return key
        if not keep:
            return secrets.token_urlsafe(32)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.unlink(missing_ok=True)
        key = secrets.token_urlsafe(32)
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(key + "\n", encoding="ascii")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"The key file {file} cannot be used: {error}.", hint=f"Set {KEY_ENV}, or remove the file."
        ) from error
    return key


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
