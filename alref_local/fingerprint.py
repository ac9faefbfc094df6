"""Whether files are still those of last time, without reading them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alref_local.media.folder import is_image

__all__ = ["fingerprint"]


def fingerprint(source: Path) -> list[Any]:
    """Name, size and time of a file, or of the frames or weights in a folder; just the name if there is neither."""
    try:
        files = [source]
        if source.is_dir():
            files = sorted(
                path for path in source.iterdir() if is_image(path) or path.suffix == ".safetensors"
            )
        return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    except OSError:
        return [str(source)]
