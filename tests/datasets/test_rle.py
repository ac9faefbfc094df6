"""Run-length codes are taken apart before a library in C sees them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from alref_local import masks
from alref_local.datasets.rle import checked, runs
from alref_local.types import Rle

sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))


@given(sizes.flatmap(lambda size: hnp.arrays(np.bool_, size)))
def test_every_true_code_passes(mask: NDArray[np.bool_]) -> None:
    """True masks would be refused, or their runs read wrongly."""
    rle = masks.encode(mask)
    assert checked(rle) is rle
    values = np.repeat(np.arange(len(runs(rle.counts))) % 2, runs(rle.counts))
    np.testing.assert_array_equal(values.reshape(mask.shape, order="F").astype(np.bool_), mask)


@given(sizes, st.binary(max_size=12) | st.text("0123456789:;<=>?@ABCOPQ_`azno", max_size=12).map(str.encode))
def test_what_passes_is_safe_to_decode(size: tuple[int, int], counts: bytes) -> None:
    """An annotation file from the internet could end the process, or show what is in its memory."""
    try:
        rle = checked(Rle(size, counts))
    except ValueError:
        return
    assert masks.decode(rle).sum() == runs(counts)[1::2].sum()


@pytest.mark.parametrize(
    ("size", "counts"),
    [
        ((48, 64), b""),
        ((48, 64), b"zzzz1"),
        ((48, 64), b"ooooooo0"),
        ((2, 2), b"3"),
        ((2, 2), b"5"),
        ((2, 2), b"5O"),  # 5 and -1 pixels
        ((2, 2), b"4P"),  # the second run does not end
        ((2, 2), b"TPPPPP0"),
        ((0, 0), b"0"),
        ((2, 2), b"\xff"),
        ((-1, -4), b"4"),
    ],
)
def test_codes_that_do_not_fit_are_refused(size: tuple[int, int], counts: bytes) -> None:
    """Too few runs leave pixels that nobody wrote, too many are written where they do not belong."""
    with pytest.raises(ValueError, match="is no"):
        checked(Rle(size, counts))


def test_the_smallest_code() -> None:
    """The check would refuse everything."""
    assert checked(Rle((2, 2), b"4")).size == (2, 2)
