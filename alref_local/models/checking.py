"""Whether files are what they should be: there, of the right size, and byte for byte the published ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from alref_local.models.catalogue import Checkpoint, FileFacts
from alref_local.models.store import folder_of, installed, read_record

__all__ = ["Fault", "Tell", "faults", "known_files", "sha256_of", "verify", "weights_sha256"]

Tell = Callable[[int], None]
"""Is told how many bytes more were read or written."""

_CHUNK = 1 << 20


class Fault(NamedTuple):
    """A file and what is wrong with it, in words that follow its name."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file} {self.what}"


def verify(checkpoint: Checkpoint, folder: Path | None = None, *, tell: Tell = lambda _: None) -> list[Fault]:
    """Read every known file of a checkpoint, and say which are not what they should be.

    Args:
        checkpoint: the catalogue's entry; where the checkpoint was installed here, its record is what counts.
        folder: where it lies, if elsewhere than ``installed`` finds it.
        tell: is told of progress.
    """
    folder = folder or installed(checkpoint) or folder_of(checkpoint.name)
    return faults(folder, known_files(checkpoint, folder), tell=tell)


def known_files(checkpoint: Checkpoint, folder: Path) -> Mapping[str, FileFacts]:
    """The files that should be in ``folder``: those of its record, or those that the catalogue knows."""
    return (read_record(folder) or checkpoint).files


def faults(
    folder: Path, files: Mapping[str, FileFacts], *, deep: bool = True, tell: Tell = lambda _: None
) -> list[Fault]:
    """What is wrong with the ``files`` of a folder; ``deep`` reads them, else their sizes are enough."""
    found = (
        Fault(name, what)
        for name, facts in files.items()
        if (what := _wrong(folder / name, facts, deep, tell))
    )
    return list(found)


def sha256_of(file: Path, tell: Tell = lambda _: None) -> str:
    """64 hexadecimal digits; raises ``OSError`` as reading does."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            tell(len(chunk))
    return digest.hexdigest()


def weights_sha256(checkpoint: Path) -> dict[str, str]:
    """SHA-256 of every weight file of a checkpoint (a folder, or one file), by file name."""
    return {path.name: sha256_of(path) for path in _weight_files(checkpoint)}


def _weight_files(checkpoint: Path) -> Iterable[Path]:
    return [checkpoint] if checkpoint.is_file() else sorted(checkpoint.glob("*.safetensors"))


def _wrong(file: Path, facts: FileFacts, deep: bool, tell: Tell) -> str:
    try:
        if not file.is_file():
            return "is missing"
        if facts.size is not None and (size := file.stat().st_size) != facts.size:
            return f"is {size} bytes long in place of {facts.size}"
        if deep and facts.sha256 is not None and (sha256 := sha256_of(file, tell)) != facts.sha256:
            return f"is damaged: its SHA-256 begins with {sha256[:12]} in place of {facts.sha256[:12]}"
    except OSError as error:
        return f"cannot be read: {error.strerror or type(error).__name__}"
    return ""
