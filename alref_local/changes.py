"""Settings laid over settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from alref_local.errors import ConfigError

__all__ = ["WAYS", "lay", "merge", "ways"]

WAYS: Final = ("whole", "interval", "seconds")
"""The settings in ``sampling`` that say where frames lie; the first that is named counts."""


def ways(said: Mapping[str, Any]) -> list[str]:
    """Which of ``WAYS`` are named."""
    return [way for way in WAYS if said.get(way) is not None and said[way] is not False]


def lay(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Settings with changes laid over them; a way of sampling that these name takes the place of the one before.

    Raises:
        ConfigError: they name two.
    """
    said, before = changes.get("sampling"), base.get("sampling")
    if isinstance(said, dict) and (named := ways(said)):
        if len(named) > 1:
            off = "false" if named[0] == "whole" else "null"
            raise ConfigError(
                f"{' and '.join(f'sampling.{way}' for way in named)} cannot be set together.",
                hint=f"Leave one out, or unset it: --set sampling.{named[0]}={off}.",
            )
        if isinstance(before, dict):
            kept = {key: value for key, value in before.items() if key not in WAYS}
            base = base | {"sampling": kept}
    return merge(base, changes)


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` laid over it, dictionaries merged key by key."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
