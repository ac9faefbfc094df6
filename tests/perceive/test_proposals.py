"""Masks of everything on a frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from alref_local.perceive.proposals import MaskProposals, box_of
from alref_local.world import make_scene

LIMITS = {"several": False, "sure": 0.6, "stable": 0.5}
"""The tiny SAM 2 was taught one mask for a point, and is less sure of it than the released ones."""


@pytest.fixture(scope="module")
def proposals() -> MaskProposals:
    """Of the bundled SAM 2, on a coarse grid."""
    return MaskProposals("tiny:sam2", points=16, **LIMITS)  # type: ignore[arg-type]


def test_everything_is_proposed_once(proposals: MaskProposals) -> None:
    """The baseline could not find the thing that is meant, or would choose among copies of one mask."""
    seen = 0
    for seed in (800_000, 800_001):
        scene = make_scene("easy", seed)
        masks = proposals.masks(scene.frame(12))
        true = scene.masks(12)[scene.visible(12) > 0.8]
        shared = (true[:, None] & masks).sum((2, 3))
        overlap = shared / (true[:, None] | masks).sum((2, 3))
        assert (overlap.max(axis=1) > 0.5).all()
        assert len(masks) < 40  # of 256 points
        seen += len(true)
    assert seen >= 6


def test_a_plain_frame_may_hold_nothing(proposals: MaskProposals) -> None:
    """A black frame would end the run."""
    strict = MaskProposals("tiny:sam2", points=2)
    masks = strict.masks(np.zeros((60, 80, 3), np.uint8))
    assert masks.shape == (0, 60, 80)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)).filter(np.any))
def test_a_box_holds_its_mask_and_no_more(mask: NDArray[np.bool_]) -> None:
    """A candidate box would cut its thing off, or reach beyond it."""
    x0, y0, x1, y1 = box_of(mask)
    assert mask[y0:y1, x0:x1].sum() == mask.sum()
    inside = mask[y0:y1, x0:x1]
    assert inside[0].any()
    assert inside[-1].any()
    assert inside[:, 0].any()
    assert inside[:, -1].any()


@given(st.integers(0, 5), st.integers(0, 5))
def test_the_box_of_a_pixel(y: int, x: int) -> None:
    """Boxes would be a pixel too small."""
    mask = np.zeros((6, 6), bool)
    mask[y, x] = True
    assert box_of(mask) == (x, y, x + 1, y + 1)
