"""The run lengths of Label Studio's brush: a bit stream over the RGBA pixels of an image.

32 bits: how many values; 5: bits of a value, less one; four times 4: bits of the four sizes of counts, less one. Then
runs: 1 bit, whether one value is repeated; 2: which size the count has; the count, less one; the value.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from alref_local.masks import Mask

__all__ = ["brush_rle"]

_LAYOUT: Final = (8 - 1) << 16 | 0x237F
"""Values of 8 bits, counts of 3, 4, 8 or 16: the numbers that Label Studio itself writes."""

_LONGEST: Final = 1 << 16
_CHANNELS: Final = 4


def brush_rle(mask: Mask) -> list[int]:
    """``(H, W)`` bool -> bytes, as Label Studio stores a mask: all four channels 255 inside and 0 outside.

    Counts always take the largest of the sizes, so that all runs have the same number of bits.
    """
    flat = mask.ravel()
    edges = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]])
    lengths = np.diff(edges) * _CHANNELS
    pieces = -(-lengths // _LONGEST)  # of each run; all but the last are full
    counts = np.full(pieces.sum(), _LONGEST, np.int64)
    counts[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * _LONGEST
    values = np.repeat(flat[edges[:-1]].astype(np.int64) * 255, pieces)
    runs = (0b111 << 24) | ((counts - 1) << 8) | values
    header = np.array([(flat.size * _CHANNELS) << 21 | _LAYOUT])
    packed: list[int] = np.packbits(np.concatenate([_bits(header, 53), _bits(runs, 27)])).tolist()
    return packed


def _bits(numbers: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """The lowest ``width`` bits of each number, one after the other, the highest first."""
    return (numbers[:, None] >> np.arange(width - 1, -1, -1) & 1).astype(np.uint8).ravel()
