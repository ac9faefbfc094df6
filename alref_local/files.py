"""Whole files or none: everything is written as ``NAME.part`` and renamed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from alref_local.errors import ConfigError

__all__ = ["part", "safe_name", "whole_text", "write_bytes", "writing"]


def safe_name(name: str) -> str:
    """``name``, if it can name a file or folder on any system without leading out of its parent.

    Raises:
        ConfigError: it cannot.
    """
    if len(name) > 100 or not re.fullmatch(r"\w[\w.-]*", name):
        raise ConfigError(
            f"'{name[:40]}' cannot name a file or folder.",
            hint="Use up to 100 letters, digits, '-', '_' and '.', not starting with a dot.",
        )
    return name


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write ``target`` into one sentence.

    Raises:
        ConfigError: the folder is not writable, the disk is full, the name is taken by something else.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            f"{target} cannot be written: {reason}.",
            hint="Choose another output folder with -o, or make room or give permission there.",
        ) from error


def part(target: Path) -> Path:
    """Where ``target`` is written until it is whole."""
    return target.with_name(target.name + ".part")


def write_bytes(target: Path, data: bytes) -> None:
    """Write ``target`` atomically, and its folder if need be."""
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part(target).write_bytes(data)
        part(target).replace(target)


@contextmanager
def whole_text(target: Path) -> Iterator[TextIO]:
    """A text file that gets its name when the block ends well, and leaves nothing behind when it does not.

    Raises:
        ConfigError: it cannot be written.
    """
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part(target).open("w", encoding="utf-8", newline="") as file:
                yield file
            part(target).replace(target)
        finally:
            part(target).unlink(missing_ok=True)
