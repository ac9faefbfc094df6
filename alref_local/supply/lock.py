"""``alref-bundle.json``: what a bundle holds, to the byte. It is read from strangers' drives, and not believed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from alref_local.data_files import first_fault
from alref_local.errors import ConfigError
from alref_local.files import part
from alref_local.models.catalogue import Checkpoint, FileFacts
from alref_local.supply.copying import flush_folder, readable, writable

__all__ = ["LOCK", "BundleLock", "read_lock", "write_lock"]

LOCK: Final = "alref-bundle.json"
_SUMS: Final = "SHA256SUMS"
_LONGEST: Final = 64 << 20


class BundleLock(BaseModel):
    """The content of the lock file; names and paths lead to no place outside ``models/``, ``licences/``, ``wheels/``.

    Attributes:
        format: of the bundle.
        made_with: the program that wrote it.
        checkpoints: entries of the catalogue, with revision, and size and SHA-256 of every file.
        files: those of ``licences/`` and ``wheels/``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    made_with: str = ""
    checkpoints: Mapping[str, Checkpoint] = {}
    files: Mapping[str, FileFacts] = {}

    @field_validator("checkpoints")
    @classmethod
    def _named_and_whole(cls, checkpoints: Mapping[str, Checkpoint]) -> Mapping[str, Checkpoint]:
        for name, checkpoint in checkpoints.items():
            if name != checkpoint.name:
                raise ValueError(f"an entry {name[:80]!r} of another name")
            if not checkpoint.files or not all(map(_whole, checkpoint.files.values())):
                raise ValueError(f"{name!r} has files without size and SHA-256")
        return checkpoints

    @field_validator("files")
    @classmethod
    def _inside(cls, files: Mapping[str, FileFacts]) -> Mapping[str, FileFacts]:
        for path, facts in files.items():
            steps = PurePosixPath(path).parts
            plain = "\\" not in path and path == PurePosixPath(path).as_posix() and ".." not in steps
            if not plain or steps[0] not in ("licences", "wheels") or not _whole(facts):
                raise ValueError(f"{path[:80]!r} is no file of a bundle")
        return files

    def all_files(self) -> dict[str, FileFacts]:
        """Every file of the bundle, by its path."""
        models = {
            f"models/{name}/{file}": facts
            for name, checkpoint in self.checkpoints.items()
            for file, facts in checkpoint.files.items()
        }
        return models | dict(self.files)


def read_lock(drive: Path) -> BundleLock:
    """What a bundle says that it holds.

    Raises:
        ConfigError: there is no finished bundle, or its lock is damaged, not safe, or of a later format.
    """
    file = drive / LOCK
    if file.is_symlink() or not file.is_file():
        raise ConfigError(
            f"{drive} holds no finished bundle: there is no {LOCK}.",
            hint="`alref-local models bundle ... -o FOLDER` writes one, and goes on where it was interrupted.",
        )
    with readable(file), file.open("rb") as stream:
        text = stream.read(_LONGEST + 1)
    try:
        return BundleLock.model_validate_json(text)
    except ValidationError as error:
        where, wrong = first_fault(error)
        raise ConfigError(
            f"{file} is damaged or not to be trusted{f' at {where[:120]}' if where else ''}: {wrong[:200]}.",
            hint="Make the bundle again; a later alref-local may have written it.",
        ) from error


def write_lock(drive: Path, lock: BundleLock) -> None:
    """Write the lock, and ``SHA256SUMS`` for machines that have nothing but ``sha256sum``."""
    sums = "".join(f"{facts.sha256}  {path}\n" for path, facts in sorted(lock.all_files().items()))
    with writable(drive):
        for name, text in ((_SUMS, sums), (LOCK, lock.model_dump_json(indent=1) + "\n")):
            part(drive / name).write_text(text, encoding="utf-8")
            part(drive / name).replace(drive / name)
        flush_folder(drive)


def _whole(facts: FileFacts) -> bool:
    return facts.size is not None and facts.sha256 is not None
