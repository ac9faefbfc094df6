"""Published ids as names of folders: ids are data, and some could lead elsewhere or cannot be written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

__all__ = ["folder_names"]

_PLAIN = re.compile(r"\w[\w.-]{0,79}", re.ASCII)


def folder_names(ids: Iterable[str]) -> dict[str, str]:
    """A folder for every id, also where upper and lower case are the same.

    A plain id is its own folder; any other gets a readable rest of itself and eight digits of its hash. The folder of
    an id depends on the others only where two plain ones differ by case alone.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for id in ids:
        name = id
        if not _PLAIN.fullmatch(id) or id.endswith(".") or id.casefold() in taken:
            rest = re.sub(r"[^A-Za-z0-9_]+", "-", id).strip("-_")[:60] or "item"
            name = f"{rest}-{hashlib.sha256(id.encode('utf-8', 'replace')).hexdigest()[:8]}"
        taken.add(name.casefold())
        names[id] = name
    return names
