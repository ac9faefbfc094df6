"""Copies that can be interrupted at any byte, and are not believed before they were read back."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alref_local.errors import ConfigError
from alref_local.files import part
from alref_local.models.catalogue import FileFacts
from alref_local.models.checking import Tell, faults, sha256_of

__all__ = ["bring", "facts_of", "flush_folder", "readable", "room_for", "writable"]

_CHUNK = 4 << 20


def bring(source: Path, target: Path, facts: FileFacts, add: Tell) -> None:
    """Copy ``source`` to ``target``, unless it is there; go on where an interrupted copy stopped.

    ``target`` appears under its name only after it was read back from the disk and its SHA-256 was right.

    Args:
        source: a file.
        target: its place; parent folders are made.
        facts: size and SHA-256 that it must have.
        add: is told of bytes that are done.

    Raises:
        ConfigError: ``source`` is damaged or cannot be read, or ``target`` not written.
    """
    if not _faulty(target, facts):
        add(facts.size or 0)
        return
    unfinished = part(target)
    with writable(target):
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        begun = unfinished.exists()
    for resume in (True, False) if begun else (False,):
        _append(source, unfinished, resume, add)
        if not (what := _faulty(unfinished, facts)):
            with writable(target):
                unfinished.replace(target)
            return
        with writable(target):
            unfinished.unlink()
    if what_there := _faulty(source, facts):
        raise ConfigError(
            f"{source} {what_there}.", hint="Nothing of this checkpoint was installed; get this file again."
        )
    raise ConfigError(
        f"The copy {target} {what}, although its source is whole.",
        hint="Try again; check the disk if it happens again.",
    )


def facts_of(file: Path, add: Tell = lambda _: None) -> FileFacts:
    """Size and SHA-256 of a file.

    Raises:
        ConfigError: it cannot be read.
    """
    with readable(file):
        return FileFacts(size=file.stat().st_size, sha256=sha256_of(file, add))


def room_for(folder: Path, needed: int) -> None:
    """Make sure that ``needed`` bytes more fit on the disk of ``folder``, which need not exist yet.

    Raises:
        ConfigError: they do not.
    """
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise ConfigError(
            f"{needed / 1e9:.1f} GB are needed in {folder}, and {free / 1e9:.1f} GB are free.",
            hint="Make room, or choose another disk (-o for a bundle, $ALREF_MODELS for installed checkpoints).",
        )


def flush_folder(folder: Path) -> None:
    """Make renames inside ``folder`` last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writable(target: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write ``target`` into one sentence."""
    try:
        yield
    except OSError as error:
        hints = {
            errno.ENOSPC: "Make room there; the same command then goes on where it stopped.",
            errno.EROFS: "Mount it for writing, or choose another place.",
            errno.EFBIG: "FAT32 holds no file of 4 GB or more: format the drive as exFAT or ext4.",
        }
        raise ConfigError(
            f"{target} cannot be written: {error.strerror or type(error).__name__}.",
            hint=hints.get(error.errno or 0, "Give permission there, or choose another place."),
        ) from error


@contextmanager
def readable(source: Path) -> Iterator[None]:
    """The same for reading."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{source} cannot be read: {error.strerror or type(error).__name__}.",
            hint="If it lies on a drive, the drive may be failing or not be mounted.",
        ) from error


def _append(source: Path, unfinished: Path, resume: bool, add: Tell) -> None:
    with readable(source):
        stream = source.open("rb")
    with stream, writable(unfinished), unfinished.open("ab" if resume else "wb") as out:
        done = min(out.tell(), os.fstat(stream.fileno()).st_size)
        out.truncate(done)
        add(done)
        stream.seek(done)
        while True:
            with readable(source):
                chunk = stream.read(_CHUNK)
            if not chunk:
                break
            out.write(chunk)
            add(len(chunk))
        out.flush()
        os.fsync(out.fileno())
        if hasattr(os, "posix_fadvise"):  # so that reading back asks the disk, not the memory
            os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _faulty(file: Path, facts: FileFacts) -> str:
    """What is wrong with a file, in words that follow its name; empty if nothing is."""
    return "".join(fault.what for fault in faults(file.parent, {file.name: facts}))
