"""A bundle: checkpoints, their licences and perhaps wheels on a drive, under a lock file that knows every byte.

::

    alref-bundle.json       the lock: every checkpoint with revision, licence, and size and SHA-256 of its files
    SHA256SUMS              the same for `sha256sum --check`, on a machine that has nothing else yet
    models/OWNER/NAME/...   as published, or converted (then their hashes are those of the converted files)
    licences/OWNER/NAME/... the licence's name and address, and what the publisher put beside the weights
    wheels/...              only if they were asked for
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.files import part
from alref_local.models.catalogue import Checkpoint, FileFacts
from alref_local.models.checking import Fault, faults
from alref_local.models.store import installed, missing_shards, read_record
from alref_local.supply.copying import bring, facts_of, readable, room_for, writable
from alref_local.supply.lock import LOCK, BundleLock, read_lock, write_lock
from alref_local.supply.meter import Meter
from alref_local.supply.pull import chosen

__all__ = ["pack", "whole_entry"]

_LICENCES = ("LICENSE", "LICENCE", "NOTICE", "README")


def pack(
    checkpoints: Sequence[Checkpoint], drive: Path, meter: Meter, *, wheels: Path | None = None
) -> BundleLock:
    """Write checkpoints that are on this machine to ``drive``, beside what a bundle there holds already.

    An interrupted copy goes on where it stopped. What is on the drive is read back before the lock names it.

    Args:
        checkpoints: entries of the catalogue.
        drive: a folder.
        meter: is told of progress.
        wheels: a folder of Python packages to take along.

    Raises:
        PrerequisiteError: a checkpoint is not on this machine.
        ConfigError: one is damaged, the drive is full or not writable, or holds a bundle that cannot be read.
    """
    folders = {one.name: folder for one in checkpoints if (folder := installed(one))}
    if missing := [one.name for one in checkpoints if one.name not in folders]:
        raise PrerequisiteError(
            f"Not on this machine: {', '.join(missing)}.",
            hint=f"`alref-local models pull {' '.join(missing)}` fetches what is on the hub.",
        )
    lock = read_lock(drive) if (drive / LOCK).exists() else BundleLock()
    entries = {one.name: whole_entry(one, folders[one.name], meter) for one in checkpoints}
    lock = _without_changed(lock, entries, drive)
    sources = {
        f"models/{name}/{file}": folders[name] / file
        for name, entry in entries.items()
        for file in entry.files
    }
    packages = {f"wheels/{file.name}": file for file in _packages(wheels)}
    others = {path: facts_of(file) for path, file in packages.items()}
    told = BundleLock(checkpoints=entries, files=others).all_files()
    _copy(sources | packages, told, drive, meter)
    lock = BundleLock(
        made_with=f"alref-local {version('alref-local')}",
        checkpoints={**lock.checkpoints, **entries},
        files={**lock.files, **others, **_write_licences(entries, drive)},
    )
    write_lock(drive, lock)
    return lock


def whole_entry(checkpoint: Checkpoint, folder: Path, meter: Meter) -> Checkpoint:
    """The catalogue's entry of what lies in ``folder``, with size and SHA-256 of every file; all of them are read.

    Raises:
        ConfigError: a file is missing, or not the one that is known; or the folder's record is of another checkpoint.
    """
    record = read_record(folder)
    if record is not None and record.name != checkpoint.name:
        raise ConfigError(
            f"{folder} holds '{record.name}', not '{checkpoint.name}'.", hint=f"Say --name {record.name}."
        )
    known = record or checkpoint
    with readable(folder):
        names = (
            list(record.files) if record else chosen([file.name for file in folder.iterdir()], known.files)
        )
        lacking = [Fault(name, "is missing or cannot be read") for name in missing_shards(folder)]
        meter.begin(f"{checkpoint.name}: reading", sum(_size(folder / name) for name in names))
    if wrong := lacking or faults(folder, known.files, tell=meter.add):
        raise ConfigError(
            f"'{checkpoint.name}' in {folder} is not whole: {wrong[0]}.",
            hint="Pull or install it again; `alref-local models verify` tells more.",
        )
    files = {name: known.files.get(name, FileFacts()) for name in names}
    for name, facts in files.items():
        if facts.size is None or facts.sha256 is None:
            files[name] = facts_of(folder / name, meter.add)
    revision = known.revision or (folder.name if folder.parent.name == "snapshots" else None)
    return known.model_copy(update={"revision": revision, "files": files})


def _without_changed(lock: BundleLock, entries: Mapping[str, Checkpoint], drive: Path) -> BundleLock:
    """Until the new files of a checkpoint are there, the lock does not promise the old ones."""
    kept = {name: old for name, old in lock.checkpoints.items() if entries.get(name, old) == old}
    if len(kept) < len(lock.checkpoints):
        lock = lock.model_copy(update={"checkpoints": kept})
        write_lock(drive, lock)
    return lock


def _copy(sources: Mapping[str, Path], told: Mapping[str, FileFacts], drive: Path, meter: Meter) -> None:
    have = sum(max(_size(drive / path), _size(part(drive / path))) for path in sources)
    total = sum(facts.size or 0 for facts in told.values())
    room_for(drive, max(0, total - have))
    meter.begin(f"copying to {drive}", total)
    for path, source in sources.items():
        bring(source, drive / path, told[path], meter.add)


def _write_licences(entries: Mapping[str, Checkpoint], drive: Path) -> dict[str, FileFacts]:
    written: dict[str, FileFacts] = {}
    for name, entry in entries.items():
        text = (
            f"{name}\nrevision: {entry.revision or 'unknown'}\nlicence: {entry.licence}\n"
            f"its text: {entry.licence_url}\nfrom: {entry.url}\n"
        )
        texts = {"licence.txt": text.encode()}
        for file in entry.files:
            if file.startswith(_LICENCES):
                texts[file] = (drive / "models" / name / file).read_bytes()
        for file, content in texts.items():
            path = f"licences/{name}/{file}"
            with writable(drive / path):
                (drive / path).parent.mkdir(parents=True, exist_ok=True)
                (drive / path).write_bytes(content)
            written[path] = facts_of(drive / path)
    return written


def _packages(wheels: Path | None) -> list[Path]:
    if wheels is None:
        return []
    found = sorted(file for kind in ("*.whl", "*.tar.gz") for file in wheels.glob(kind))
    if not found:
        raise ConfigError(
            f"There are no wheels in {wheels}.", hint="`pip download -d FOLDER alref-local` puts them there."
        )
    return found


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0
