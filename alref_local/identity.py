"""What decides the result of a run: a finished folder of the same identity need not be computed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from alref_local.fingerprint import fingerprint
from alref_local.models.of_config import named
from alref_local.reason.card import Card
from alref_local.settings import Settings

__all__ = ["NOT_DECISIVE", "identity"]

NOT_DECISIVE = {
    *("about", "licence", "gpu_memory", "serve", "environment", "endpoint", "key_env", "run"),
    *("timeout", "patience", "backoff", "concurrency"),
    *("prices", "image_tokens", "reply_tokens", "vote_temperature"),
}
"""Fields of a card that do not decide what the masks are (the temperature of a vote is its temperature)."""


def identity(
    source: Path,
    settings: Settings,
    card: Card,
    prompts: Mapping[str, str],
    *,
    sound: bool = False,
    **asked: Any,
) -> str:
    """SHA-256 of the video, the settings, the backend, the prompts' texts and whatever else was asked for."""
    files = [
        *(one.name for one in named(settings, sound=sound) if one.name is not None),
        *([settings.sound.events.known] if sound and settings.sound.events.known else []),
        *([card.model] if card.kind == "local" else []),
    ]
    facts = {
        "version": version("alref-local"),
        "source": fingerprint(source),
        "settings": settings.model_dump(mode="json", exclude={"name", "about"}),
        "prompts": dict(prompts),
        "weights": [fingerprint(Path(file).expanduser()) for file in files],
        "card": card.model_dump(mode="json", exclude=NOT_DECISIVE),
        "replayed": fingerprint(card.run / "calls.jsonl") if card.run is not None else None,
        **asked,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
