"""Reading ``configs/*.yaml``: by name or by path, with ``key=value`` changes laid over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from alref_local.changes import lay, merge
from alref_local.data_files import find, first_fault, names, read_mapping
from alref_local.errors import ConfigError
from alref_local.settings import Settings

__all__ = ["list_configs", "load_config", "parse_changes"]


def list_configs() -> list[str]:
    """Names of the bundled configs, ``default`` first."""
    return sorted(names("configs"), key=lambda name: (name != "default", "/" in name, name))


def load_config(name_or_path: str | Path, *changes: Mapping[str, Any]) -> Settings:
    """The settings of a bundled config or a YAML file, with nested ``changes`` laid over it in order.

    Raises:
        ConfigError: no such config, not to be read, or a setting that does not exist or has a wrong value.
    """
    path = find("configs", name_or_path)
    raw = read_mapping(path, f"The config {path.name}", "settings", "See `alref-local configs default`.")
    for change in changes:
        raw = lay(raw, dict(change))
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        where, wrong = first_fault(error)
        raise ConfigError(
            f"The setting '{where}' is wrong: {wrong}.",
            hint="`alref-local configs default` shows every setting.",
        ) from error


def parse_changes(pairs: Sequence[str]) -> dict[str, Any]:
    """``["pivots.frame=first"]`` as nested dictionaries; values are read as YAML.

    Raises:
        ConfigError: a pair is not of the form ``key=value``.
    """
    changes: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"'{pair}' is not a setting.", hint="Write it as section.key=value.")
        try:
            nested: Any = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(
                f"The value in '{pair}' cannot be read.", hint="Quote special characters."
            ) from error
        for part in reversed(key.strip().split(".")):
            nested = {part: nested}
        changes = merge(changes, nested)
    return changes
