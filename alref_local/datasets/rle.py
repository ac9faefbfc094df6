"""Run-length codes from strangers: pycocotools reads beyond its memory where a code does not fit its size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alref_local.types import Rle

__all__ = ["checked", "runs"]

_LONGEST = 6  # characters of a run: 30 bits


def checked(rle: Rle) -> Rle:
    """``rle``, if its runs fill its size exactly.

    Raises:
        ValueError: they do not.
    """
    height, width = rle.size
    found = runs(rle.counts)
    if min(height, width) < 1 or found.min() < 0 or found.sum() != height * width:
        raise ValueError(f"is no mask of {width}x{height}")
    return rle


def runs(counts: bytes) -> NDArray[np.int64]:
    """Lengths of the runs, background first, of a compressed COCO code.

    A run is written in characters of five bits and a sixth that says whether more follow, the lowest bits first,
    in two's complement. From the fourth run on it is the difference to the run two before.

    Raises:
        ValueError: these are no such characters.
    """
    codes = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    if len(codes) == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError("is no run-length code")
    last = (codes & 32) == 0
    starts = np.flatnonzero(np.concatenate([[True], last[:-1]]))
    sizes = np.diff(np.append(starts, len(codes)))
    if sizes.max() > _LONGEST:
        raise ValueError("is no run-length code")
    place = np.arange(len(codes)) - np.repeat(starts, sizes)
    values = np.add.reduceat((codes & 31) << 5 * place, starts)
    values -= np.where(codes[last] & 16, 1 << 5 * sizes, 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return np.asarray(values, np.int64)
