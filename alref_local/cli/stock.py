"""What `alref-local models list` and `verify` say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alref_local.models.catalogue import Checkpoint, find_checkpoint, load_catalogue
from alref_local.models.checking import Fault, faults, known_files, verify
from alref_local.models.store import folder_of, installed, recorded
from alref_local.supply.install import check_bundle
from alref_local.supply.lock import read_lock
from alref_local.supply.meter import Meter
from alref_local.supply.needs import users

__all__ = ["check_drive", "check_names", "stock", "stock_lines", "verdict_lines"]


def stock() -> list[dict[str, Any]]:
    """Every checkpoint of the catalogue, and whatever else is installed: where it is, what it takes, who needs it."""
    needed = users()
    return [
        {
            "name": checkpoint.name,
            "kind": checkpoint.kind,
            "here": _here(checkpoint),
            "folder": str(folder) if (folder := installed(checkpoint)) else None,
            "revision": checkpoint.revision,
            "licence": checkpoint.licence,
            "weights_bytes": checkpoint.weights_bytes,
            "gpu_memory": {**checkpoint.gpu_memory()._asdict(), "total": checkpoint.gpu_memory().total},
            "used_by": needed.get(checkpoint.name, []),
        }
        for checkpoint in {**recorded(), **load_catalogue()}.values()
    ]


def stock_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The same as a table."""
    width = max(len(row["name"]) for row in rows)
    yield f"{'NAME':<{width}}  {'KIND':<9}  {'HERE':<9}  {'WEIGHTS':>9}  {'GPU':>8}  USED BY"
    for row in rows:
        weights, gpu = row["weights_bytes"] / 1e9, row["gpu_memory"]["total"] / 1e9
        here = row["here"] or "-"
        by = ", ".join(dict.fromkeys(re.sub("/.*", "/*", user) for user in row["used_by"]))
        line = f"{row['name']:<{width}}  {row['kind']:<9}  {here:<9}  {weights:6.2f} GB  {gpu:5.1f} GB  {by}"
        yield line.rstrip()
    yield "GPU: an estimate, of a language model with 16384 tokens of context."


def check_names(names: Sequence[str], meter: Meter) -> dict[str, dict[str, Any]]:
    """Read every known file of checkpoints that are here (all installed ones without ``names``)."""
    here = recorded()
    verdicts: dict[str, dict[str, Any]] = {}
    for name in names or list(here):
        checkpoint = here.get(name) or find_checkpoint(name)
        folder = installed(checkpoint)
        meter.begin(f"{name}: checking", checkpoint.weights_bytes)
        wrong = (
            verify(checkpoint, folder, tell=meter.add) if folder else [Fault(name, "is not on this machine")]
        )
        known = known_files(checkpoint, folder) if folder else {}
        verdicts[name] = _verdict(folder, len(known), wrong)
    return verdicts


def check_drive(drive: Path, meter: Meter) -> dict[str, dict[str, Any]]:
    """Read every file of a bundle."""
    lock = read_lock(drive)
    return {str(drive): _verdict(drive, len(lock.all_files()), check_bundle(drive, lock, meter))}


def verdict_lines(verdicts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line for every whole checkpoint, and one for every file that is not as it should be."""
    for name, verdict in verdicts.items():
        if not verdict["faults"]:
            yield f"{name}: whole ({verdict['files']} files known and checked)"
        for fault in verdict["faults"]:
            yield f"{name}: {fault['file']} {fault['what']}"


def _verdict(folder: Path | None, files: int, wrong: Sequence[Fault]) -> dict[str, Any]:
    return {
        "folder": str(folder) if folder else None,
        "files": files,
        "faults": [fault._asdict() for fault in wrong],
    }


def _here(checkpoint: Checkpoint) -> str | None:
    """``installed``, ``damaged`` (by the sizes of its files), ``hub cache``, or nothing."""
    folder = installed(checkpoint)
    if folder is None:
        return None
    if folder != folder_of(checkpoint.name):
        return "hub cache"
    return "damaged" if faults(folder, known_files(checkpoint, folder), deep=False) else "installed"
