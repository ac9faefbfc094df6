"""What decides the masks of an evaluation, as a flat table: a run that goes on is compared with it name by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from alref_local.datasets import Item
from alref_local.fingerprint import fingerprint
from alref_local.identity import NOT_DECISIVE
from alref_local.models.of_config import named
from alref_local.reason.card import Card
from alref_local.reason.prompts import load_prompts
from alref_local.settings import Settings

__all__ = ["asked", "facts"]


def facts(settings: Settings, card: Card, **more: str) -> dict[str, str]:
    """Names such as ``config.sampling.frames`` with their values.

    Args:
        settings: the protocol.
        card: the backend's.
        more: the data set and whatever else counts.
    """
    # The taggers last and gaps kept, as in the journals of evaluations that were begun before.
    models = [(one.role == "tagger", one.name or "") for one in named(settings, sound=True)]
    files = [name for tagger, name in models if not tagger]
    files.append(settings.sound.events.known or "")
    files += [name for tagger, name in models if tagger]
    files += [card.model] if card.kind == "local" else []
    replayed = sorted(card.run.rglob("calls.jsonl")) if card.run is not None else []
    return {
        **more,
        "version": version("alref-local"),
        "prompts": _sha(load_prompts(settings.reasoning.prompts).templates),
        "weights": _sha([fingerprint(Path(file).expanduser()) for file in files]),
        "replayed": _sha([fingerprint(path) for path in replayed]),
        **dict(_flat("config", settings.model_dump(mode="json", exclude={"name", "about"}))),
        **dict(_flat("backend", card.model_dump(mode="json", exclude=NOT_DECISIVE | {"settings"}))),
    }


def asked(item: Item) -> str:
    """SHA-256 of the frames of an item and of what is asked about them, wherever its files are."""
    questions = [(one.id, one.text, one.sound, one.group, one.object) for one in item.references]
    return _sha([item.id, item.frames, questions])


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    else:
        yield name, json.dumps(value)


def _sha(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=dict).encode()).hexdigest()
