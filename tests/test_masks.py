"""Run-length masks and track building."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from alref_local import masks
from alref_local.types import Box, Rle

Mask = NDArray[np.bool_]

SIDES = st.tuples(st.integers(1, 24), st.integers(1, 24))
MASKS = SIDES.flatmap(lambda size: hnp.arrays(np.bool_, size))
STACKS = st.tuples(st.integers(1, 4), st.integers(1, 16), st.integers(1, 16)).flatmap(
    lambda shape: hnp.arrays(np.bool_, shape)
)


@given(MASKS)
def test_round_trip(mask: Mask) -> None:
    """Masks written to masks.json would come back changed."""
    rle = masks.encode(mask)
    back = masks.decode(rle)
    assert rle.size == mask.shape
    assert back.dtype == np.bool_
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, mask)


@given(STACKS)
def test_stack_equals_one_by_one(stack: Mask) -> None:
    """With several objects on a frame, one object's mask would land in another's track."""
    assert masks.encode_stack(stack) == tuple(masks.encode(mask) for mask in stack)


@given(STACKS)
def test_union_is_the_pixelwise_or(stack: Mask) -> None:
    """A sentence that means two objects would lose one of them in the PNG."""
    np.testing.assert_array_equal(masks.decode(masks.union(masks.encode_stack(stack))), stack.any(axis=0))


@given(MASKS)
def test_area_and_box_match_the_pixels(mask: Mask) -> None:
    """Boxes and areas in masks.json would disagree with the masks."""
    rle = masks.encode(mask)
    assert masks.area(rle) == mask.sum()
    if mask.any():
        ys, xs = mask.nonzero()
        assert masks.box(rle) == Box(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    else:
        assert masks.box(rle) is None


def test_encode_reads_any_memory_layout() -> None:
    """Transposed or strided masks, as resizing leaves them, would be encoded scrambled."""
    mask = np.zeros((7, 5), np.bool_)
    mask[1:4, 2:5] = True
    for view in (mask, np.asfortranarray(mask), np.repeat(mask, 2, axis=0)[::2]):
        np.testing.assert_array_equal(masks.decode(masks.encode(view)), mask)


def test_counts_are_the_coco_reference_string() -> None:
    """Other COCO tools could not read masks.json."""
    assert masks.encode(np.ones((3, 4), np.bool_)) == Rle((3, 4), b"0<")


@pytest.mark.parametrize(
    "bad", [np.zeros((1, 3, 3), np.uint8), np.zeros((1, 3, 3, 3), np.bool_)], ids=["dtype", "shape"]
)
def test_wrong_arrays_are_refused(bad: Mask) -> None:
    """Probabilities or logits handed in by mistake would be taken for masks."""
    with pytest.raises(ValueError, match="bool"):
        masks.encode_stack(bad)


def test_union_of_nothing_or_of_two_sizes_is_refused() -> None:
    """A mix-up of two videos' masks would give a mask of neither."""
    for rles in ([], [masks.empty((2, 2)), masks.empty((2, 3))]):
        with pytest.raises(ValueError, match="one size"):
            masks.union(rles)


def test_tracks_have_a_mask_for_every_frame() -> None:
    """Frames on which an object was not seen would be missing, shifting every later mask."""
    builder = masks.TrackBuilder(4, (2, 3), track_ids=[9])
    seen = np.ones((2, 2, 3), np.bool_)
    builder.add(2, [5, 1], seen, np.array([0.0, 50.0], np.float32))
    builder.add(0, [5], seen[:1], np.array([-1e9], np.float32))
    first, second, silent = builder.tracks()
    assert [track.track_id for track in (first, second, silent)] == [1, 5, 9]
    assert [masks.area(rle) for rle in first.masks] == [0, 0, 6, 0]
    assert [masks.area(rle) for rle in second.masks] == [6, 0, 6, 0]
    assert [masks.area(rle) for rle in silent.masks] == [0, 0, 0, 0]
    assert first.scores == pytest.approx([0, 0, 1, 0])
    assert second.scores == pytest.approx([0, 0, 0.5, 0])


def test_frames_and_masks_of_another_video_are_refused() -> None:
    """A segmentor that answers at the wrong size or length would be written out as if right."""
    builder = masks.TrackBuilder(2, (2, 3))
    score = np.zeros(1, np.float32)
    with pytest.raises(IndexError):
        builder.add(2, [0], np.zeros((1, 2, 3), np.bool_), score)
    with pytest.raises(IndexError):
        builder.add(-1, [0], np.zeros((1, 2, 3), np.bool_), score)
    with pytest.raises(ValueError, match="1 tracks"):
        builder.add(0, [0], np.zeros((1, 3, 2), np.bool_), score)
