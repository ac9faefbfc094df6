"""Checks that run side by side, each within its time; whatever happens in one is its own finding."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from alref_local.errors import AlrefError
from alref_local.reason.card import Card
from alref_local.serve.health import Health, look
from alref_local.serve.hosts import Host, read_host
from alref_local.settings import Settings

__all__ = ["Check", "Finding", "Subject", "examine"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: of the check.
        ok: whether all is well.
        said: what there is, in one line.
        mend: of a fault, the command (or the words) that mend it.
    """

    name: str
    ok: bool
    said: str
    mend: str = ""


@dataclass(frozen=True)
class Subject:
    """What the machine is examined for.

    Attributes:
        settings: of the config, those of the card laid over them.
        card: the backend, its endpoint filled in.
        config: name of the config.
        changes: settings laid over it.
        backend: the card's name or file, as typed.
        sound: whether sound is asked for.
        offline: whether no network is to be used.
        deep: read every byte of the weights.
        key: of the backend's server; empty if it has none.
    """

    settings: Settings
    card: Card
    config: str = "default"
    changes: Mapping[str, Any] = field(default_factory=dict)
    backend: str = "none"
    sound: bool = False
    offline: bool = False
    deep: bool = False
    key: str = ""

    @cached_property
    def host(self) -> Host:
        """This machine."""
        return read_host()

    @cached_property
    def server(self) -> Health:
        """How the backend's server is."""
        return look(self.card.endpoint, self.card.model, self.key)


Check = Callable[[], Finding]


def examine(checks: Mapping[str, Check], seconds: float) -> list[Finding]:
    """Run all checks side by side; the findings in their order.

    An error of ours is a fault with its hint, any other is told as it is, and a check that is not done in time is left
    behind.
    """
    found: dict[str, Finding] = {}
    threads = []
    for name, check in checks.items():
        thread = threading.Thread(target=_run, args=(name, check, found), daemon=True)
        thread.start()
        threads.append(thread)
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    done = dict(found)
    late = f"not done within {seconds:g} s"
    return [done.get(name) or Finding(name, False, late, "Look at what is slow there.") for name in checks]


def _run(name: str, check: Check, found: dict[str, Finding]) -> None:
    try:
        found[name] = check()
    except AlrefError as error:
        found[name] = Finding(name, False, str(error), error.hint)
    except BaseException as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        found[name] = Finding(
            name,
            False,
            f"something unforeseen: {said}",
            "Please report it, with the output of `doctor --json`.",
        )
