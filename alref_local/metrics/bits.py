"""Masks with 64 pixels a word: shifting, comparing and counting them costs a 64th of what bytes cost."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bits", "Mask", "count", "dilate", "outline", "pack"]

Mask = NDArray[np.bool_]
"""``(..., H, W)`` bool."""

Bits = NDArray[np.uint64]
"""``(..., H, ceil(W / 64))``: bit ``b`` of word ``w`` is column ``64 * w + b``; bits beyond the width are 0."""

_WORD = 64


def pack(masks: Mask) -> Bits:
    """``(..., H, W)`` bool -> ``(..., H, ceil(W / 64))`` uint64."""
    words = -(-masks.shape[-1] // _WORD)
    octets = np.zeros((*masks.shape[:-1], words * _WORD // 8), np.uint8)
    packed = np.packbits(masks, axis=-1, bitorder="little")
    octets[..., : packed.shape[-1]] = packed
    return octets.view("<u8").astype(np.uint64, copy=False)


def count(bits: Bits) -> NDArray[np.int64]:
    """``(..., H, words)`` -> ``(...)``: foreground pixels."""
    pixels: NDArray[np.int64] = np.bitwise_count(bits).sum(axis=(-2, -1), dtype=np.int64)
    return pixels


def outline(bits: Bits, width: int) -> Bits:
    """The contour by the rule of the DAVIS benchmark, one pixel wide.

    A pixel is on the contour if its right, lower or lower right neighbour differs from it; neighbours outside
    the image never differ.
    """
    last = np.zeros(bits.shape[-1], np.uint64)
    last[-1] = 1 << (width - 1) % _WORD
    right = _slid(bits, -1) | (bits & last)
    line: Bits = (bits ^ right) | (bits ^ _lower(bits)) | (bits ^ _lower(right))
    return line


def dilate(bits: Bits, radius: int) -> Bits:
    """Every pixel within ``radius`` (Euclidean, centre to centre) of the foreground.

    Bits beyond the width may be set: the result is made to be intersected with a mask.
    """
    height = bits.shape[-2]
    out = np.zeros_like(bits)
    row, reach = bits.copy(), 0  # a disk is a stack of rows, the shortest at its top and bottom
    for dy in range(radius, -1, -1):
        half = math.isqrt(radius * radius - dy * dy)
        for dx in range(reach + 1, half + 1):
            row |= _slid(bits, dx)
            row |= _slid(bits, -dx)
        reach = half
        if dy < height:
            out[..., dy:, :] |= row[..., : height - dy, :]
            out[..., : height - dy, :] |= row[..., dy:, :]
    return out


def _slid(bits: Bits, pixels: int) -> Bits:
    """Moved to the right (to the left if negative); background comes in."""
    words, odd = divmod(abs(pixels), _WORD)
    n = bits.shape[-1]
    out = np.zeros_like(bits)
    if words >= n:
        return out
    if pixels > 0:
        out[..., words:] = bits[..., : n - words] << odd
        if odd:
            out[..., words + 1 :] |= bits[..., : n - words - 1] >> (_WORD - odd)
    else:
        out[..., : n - words] = bits[..., words:] >> odd
        if odd:
            out[..., : n - words - 1] |= bits[..., words + 1 :] << (_WORD - odd)
    return out


def _lower(bits: Bits) -> Bits:
    return np.concatenate([bits[..., 1:, :], bits[..., -1:, :]], axis=-2)
