"""Refuses what would leave this machine, and remembers it: many libraries pass over a refused connection in silence."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

__all__ = ["watchers"]

watchers: list[Callable[[str], None]] = []
"""Each is told of what was tried; while there is one, it is also refused."""

_OURS = {"", "localhost", socket.gethostname(), None}


def _stays(host: Any) -> bool:
    host = host.decode() if isinstance(host, bytes) else host
    try:
        return host in _OURS or ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return False


def _leaves(event: str, words: tuple[Any, ...]) -> str:
    """What an event of Python's sockets would do outside this machine; nothing, as a rule."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = words[1]
        # Sockets between processes have a path in place of an address; a connected one is asked for none.
        if isinstance(address, tuple) and not _stays(address[0]):
            return f"a connection to {address[:2]}"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr") and not _stays(
        words[0]
    ):
        return f"a look-up of {words[0]}"
    return ""


def _hook(event: str, words: tuple[Any, ...]) -> None:
    if watchers and event.startswith("socket.") and (what := _leaves(event, words)):
        for watcher in watchers:
            watcher(what)
        raise OSError(errno.ENETUNREACH, f"{what} was tried, and is refused here")


sys.addaudithook(_hook)


def _write(what: str) -> None:
    with Path(os.environ["ALREF_SOCKET_REPORT"]).open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {sys.argv[:3]}: {what}\n")


if "ALREF_SOCKET_REPORT" in os.environ:
    watchers.append(_write)
