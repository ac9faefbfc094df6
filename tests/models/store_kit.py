"""Installed checkpoints made of a few bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alref_local.models.catalogue import Checkpoint, FileFacts
from alref_local.models.store import RECORD, folder_of

FILES = {
    "config.json": b'{"model_type": "x"}',
    "model.safetensors": bytes(range(256)) * 8,
    "sub/vocab.txt": b"a\nb\n",
}


def facts(content: bytes) -> FileFacts:
    return FileFacts(size=len(content), sha256=hashlib.sha256(content).hexdigest())


def checkpoint(name: str = "lab/small", **fields: Any) -> Checkpoint:
    plain = {"kind": "vlm", "licence": "MIT", "parameters": 512, "dtype": "float32", "working": 0}
    return Checkpoint.model_validate({"name": name, **plain, **fields})


def write(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def put(name: str = "lab/small", files: Mapping[str, bytes] = FILES, **fields: Any) -> Checkpoint:
    """Lay a checkpoint where installed ones lie."""
    record = checkpoint(name, files={file: facts(content) for file, content in files.items()}, **fields)
    folder = write(folder_of(name), files)
    (folder / RECORD).write_text(record.model_dump_json(), encoding="utf-8")
    return record
