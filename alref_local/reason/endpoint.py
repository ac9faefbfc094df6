"""Where a backend is reached, with what this machine alone knows filled in."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.reason.card import Card

__all__ = ["on_this_machine", "reachable"]

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def reachable(card: Card, *, offline: bool = False) -> Card:
    """The card with every ``${VARIABLE}`` of its endpoint filled in from the environment.

    Args:
        card: a card of a server, or of a model in process.
        offline: refuse an endpoint that is not on this machine.

    Raises:
        PrerequisiteError: a variable is not set.
        ConfigError: what comes out is no URL, or ``offline`` and it leads elsewhere.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if not (text := os.environ.get(name, "").strip().rstrip("/")):
            raise PrerequisiteError(
                f"The backend '{card.name}' needs the environment variable {name} for its endpoint.",
                hint=f"export {name}=...",
            )
        return text

    endpoint = _VARIABLE.sub(value, card.endpoint)
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise ConfigError(
            f"The endpoint of the backend '{card.name}' does not begin with http:// or https://.",
            hint=f"It is {card.endpoint}, and variables are filled in from the environment.",
        )
    if endpoint and offline and not on_this_machine(endpoint):
        raise ConfigError(
            f"The backend '{card.name}' is not on this machine, but --offline is set.",
            hint="Serve an open model here (`alref-local backends qwen`), or choose none or replay:RUN.",
        )
    return card.model_copy(update={"endpoint": endpoint})


def on_this_machine(endpoint: str) -> bool:
    """Whether a URL stays on the loopback."""
    try:
        host = urlsplit(endpoint).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
