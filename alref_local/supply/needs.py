"""Which checkpoints a config or a card needs, and which of them need a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from alref_local.configs import list_configs, load_config
from alref_local.errors import ConfigError
from alref_local.models.catalogue import load_catalogue, safe_name
from alref_local.models.of_config import models_of
from alref_local.reason.card import list_cards, load_card

__all__ = ["expand", "users"]


def expand(targets: Iterable[str]) -> list[str]:
    """Names of checkpoints, each once, in order.

    A target is a checkpoint of the catalogue, a config or a card (by name or path), or a folder of configs
    (``paper``).

    Raises:
        ConfigError: it is none of these.
    """
    return list(dict.fromkeys(name for target in targets for name in _meant(target)))


def users() -> dict[str, list[str]]:
    """The bundled configs and cards that name each checkpoint of the catalogue."""
    found: dict[str, list[str]] = {name: [] for name in load_catalogue()}
    for user, names in [
        *((config, _of_config(config)) for config in list_configs()),
        *((card, _of_card(card)) for card in list_cards()),
    ]:
        for name in names:
            found.setdefault(name, []).append(user)
    return found


def _meant(target: str) -> list[str]:
    if target in load_catalogue():
        return [target]
    configs = [name for name in list_configs() if name == target or name.startswith(f"{target}/")]
    if configs:
        return [name for config in configs for name in _of_config(config)]
    if target in list_cards():
        return _of_card(target)
    if Path(target).is_file():
        try:
            return _of_config(target)
        except ConfigError:
            return _of_card(target)
    raise ConfigError(
        f"'{target[:80]}' is no checkpoint, config or card.",
        hint="`alref-local models list`, `configs` and `backends` show what there is.",
    )


def _of_config(config: str) -> list[str]:
    settings = load_config(config)
    loaded = models_of(settings, sound="sound" in settings.model_fields_set)
    return _carried(name for _, name in loaded)


def _of_card(name: str) -> list[str]:
    card = load_card(name)
    return _carried([card.model] if card.kind in ("vllm", "local") else [])


def _carried(names: Iterable[str]) -> list[str]:
    """Those that do not come with the package and are no folders of somebody's."""
    return [name for name in names if safe_name(name)]
