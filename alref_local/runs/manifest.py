"""``manifest.json``: with what a run was made, and a fingerprint of its masks."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MANIFEST", "MasksHash", "environment"]

MANIFEST = "manifest.json"
"""Written last: a run folder that has it is complete."""

_PACKAGES = ("numpy", "pillow", "scipy", "av", "torch", "transformers", "pycocotools", "openai")


class MasksHash:
    """SHA-256 over masks, independent of how PNG files are compressed.

    Each mask adds ``REFERENCE/FILE``, a zero byte, its height and width as little-endian uint32, and its
    pixels row by row as bits (`numpy.packbits` of the ``(H, W)`` mask).
    """

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, reference: str, file: str, mask: NDArray[np.bool_]) -> None:
        """Take the next mask; the order is that of the references, then of the frames."""
        self._sha.update(f"{reference}/{file}\0".encode())
        self._sha.update(np.array(mask.shape, "<u4").tobytes())
        self._sha.update(np.packbits(mask).tobytes())

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        return self._sha.hexdigest()


def environment() -> dict[str, Any]:
    """Versions of this package, of Python and of the packages that decide what the masks are."""
    return {
        "alref_local": _version("alref-local"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
