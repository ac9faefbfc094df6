"""Where installed checkpoints lie: ``OWNER/NAME`` in one folder, each with a record of every file in it.

A checkpoint's folder appears there whole or not at all. Downloads of others in the cache of the Hugging Face hub are
found too, and left alone.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.models.catalogue import Checkpoint, safe_name

__all__ = [
    "RECORD",
    "cached",
    "folder_of",
    "installed",
    "missing_shards",
    "models_dir",
    "read_record",
    "recorded",
]

RECORD: Final = "alref-checkpoint.json"
"""In every installed folder: the catalogue's entry with the revision, size and SHA-256 of what is there."""

_WEIGHTS = ("*.safetensors", "pytorch_model.bin")  # the second: LanguageBind alone


def models_dir() -> Path:
    """``$ALREF_MODELS``, or ``alref-local/models`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if chosen := os.environ.get("ALREF_MODELS"):
        return Path(chosen).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (caches if caches.is_absolute() else Path("~/.cache").expanduser()) / "alref-local/models"


def folder_of(name: str) -> Path:
    """Where a checkpoint lies when it is installed.

    Raises:
        ConfigError: ``name`` is not ``owner/name``.
    """
    if not safe_name(name):
        raise ConfigError(
            f"'{name[:80]}' does not name a checkpoint.", hint="`alref-local models list` shows the names."
        )
    return models_dir() / name


def installed(checkpoint: Checkpoint | str) -> Path | None:
    """The folder that a checkpoint loads from: the installed one, or that of the hub's cache; ``None`` without either.

    Only looks whether it is there: ``checking.faults`` compares the files with what is known of them.
    """
    name = checkpoint if isinstance(checkpoint, str) else checkpoint.name
    if read_record(folder_of(name)) is not None:
        return folder_of(name)
    return cached(name, checkpoint.revision if isinstance(checkpoint, Checkpoint) else None)


def cached(name: str, revision: str | None = None) -> Path | None:
    """The hub's cached snapshot of ``name``, if it holds a config and weights: of ``revision``, or else the newest."""
    from huggingface_hub import snapshot_download

    for wanted in dict.fromkeys((revision, None)):
        try:
            snapshot = Path(snapshot_download(name, revision=wanted, local_files_only=True))
        except (OSError, ValueError):  # not in the cache, or no name that the hub would take
            continue
        # An interrupted download leaves a snapshot without its weights.
        weights = any(file.exists() for kind in _WEIGHTS for file in snapshot.glob(kind))
        if weights and (snapshot / "config.json").is_file() and not missing_shards(snapshot):
            return snapshot
    return None


def missing_shards(folder: Path) -> list[str]:
    """Weights that the index of a divided checkpoint names and ``folder`` lacks; the index if it cannot be read."""
    if (folder / "model.safetensors").is_file():
        return []  # undivided, whatever an index says
    torches = any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors"))
    index = folder / ("pytorch_model.bin.index.json" if torches else "model.safetensors.index.json")
    if not index.is_file():
        return []
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return sorted(name for name in named if not (folder / name).is_file())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [index.name]


def read_record(folder: Path) -> Checkpoint | None:
    """What was installed in ``folder``; ``None`` if nothing was, or the record itself is damaged.

    Raises:
        PrerequisiteError: whoever installed it does not let this user read it.
    """
    try:
        return Checkpoint.model_validate_json((folder / RECORD).read_bytes())
    except PermissionError as error:
        raise PrerequisiteError(
            f"The checkpoint in {folder} cannot be read: permission denied.",
            hint=f"Its owner can share it: `chmod -R a+rX {models_dir()}`, and `umask 022` before the next one.",
        ) from error
    except (OSError, ValidationError):
        return None


def recorded() -> dict[str, Checkpoint]:
    """Everything that is installed, by name."""
    found = (read_record(file.parent) for file in sorted(models_dir().glob(f"*/*/{RECORD}")))
    return {record.name: record for record in found if record is not None}
