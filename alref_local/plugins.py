"""``module:Class`` names in configs: how a person's own grounder, segmentor or strategy is found."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from alref_local.errors import ConfigError

__all__ = ["load_class"]


def load_class(name: str) -> Callable[..., Any]:
    """Import the class, or the function that chooses one, that ``name`` (``package.module:Class``) means.

    Raises:
        ConfigError: the name is malformed, or module or class do not exist.
    """
    module_name, _, class_name = name.partition(":")
    if not module_name or not class_name:
        raise ConfigError(f"'{name}' does not name a class.", hint="Write it as package.module:Class.")
    try:
        found = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"The class '{name}' cannot be loaded: {error}.",
            hint="Check the spelling, and that the package is installed in this environment.",
        ) from error
    if not callable(found):
        raise ConfigError(f"'{name}' is not a class.", hint="Write it as package.module:Class.")
    return cast(Callable[..., Any], found)
