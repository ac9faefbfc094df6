"""Packed masks do what masks do, at every width and radius."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from alref_local.metrics.bits import Bits, count, dilate, pack

Mask = NDArray[np.bool_]
WIDTHS = (1, 7, 63, 64, 65, 128, 130, 200)


def unpack(bits: Bits, width: int) -> Mask:
    octets = np.unpackbits(bits.view(np.uint8), axis=-1, count=width, bitorder="little")
    return octets.astype(np.bool_)


def stacks() -> st.SearchStrategy[Mask]:
    shapes = st.tuples(st.integers(1, 3), st.integers(1, 9), st.sampled_from(WIDTHS))
    return shapes.flatmap(lambda shape: hnp.arrays(np.bool_, shape))


@given(stacks())
def test_packing_keeps_every_pixel(masks: Mask) -> None:
    """Pixels at the edge of a word, or beyond the width, would be lost or invented."""
    bits = pack(masks)
    np.testing.assert_array_equal(unpack(bits, masks.shape[-1]), masks)
    np.testing.assert_array_equal(count(bits), masks.sum(axis=(1, 2)))


@pytest.mark.parametrize("radius", [0, 1, 2, 8, 13, 64, 70])
@pytest.mark.parametrize("size", [(1, 1), (5, 64), (40, 131), (200, 190)])
def test_dilation_is_by_a_disk(size: tuple[int, int], radius: int) -> None:
    """Contours of wide or large pictures would be matched by another tolerance than the published one."""
    rng = np.random.default_rng(radius)
    mask = rng.random(size) > 0.999
    mask[rng.integers(size[0]), rng.integers(size[1])] = True
    expected = ndimage.distance_transform_edt(~mask) <= radius
    np.testing.assert_array_equal(unpack(dilate(pack(mask), radius), size[1]), expected)
