"""What an evaluation must give again, byte by byte, whatever happened on the way."""

from __future__ import annotations

from pathlib import Path

__all__ = ["outcome"]


def outcome(run: Path) -> dict[str, bytes]:
    """Masks and scores by file, without the prefix of the run."""
    files = [run / "result.json"]
    for pattern in ("items/*/masks.json", "items/*/masks/*/*.png", "items/*/merged/*/*.png"):
        files += run.glob(pattern)
    return {file.relative_to(run).as_posix(): file.read_bytes() for file in sorted(files)}
