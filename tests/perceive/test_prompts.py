"""Prompts: checked, sorted, and in the model's coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from alref_local.errors import ConfigError
from alref_local.perceive.prompts import by_track, mask_input, point_inputs
from alref_local.types import Box, Prompt

SIZE = (40, 80)
BOX = Box(8, 4, 40, 36)
POINTS = np.array([[8, 4], [40, 36]], dtype=np.float32)
MASK = np.zeros(SIZE, dtype=np.bool_)

BAD: dict[str, list[Prompt]] = {
    "beyond the end": [Prompt(0, 10, box=BOX)],
    "before the start": [Prompt(0, -1, box=BOX)],
    "nothing": [Prompt(0, 1)],
    "two kinds": [Prompt(0, 1, box=BOX, mask=MASK)],
    "mask of another size": [Prompt(0, 1, mask=MASK[:, 1:])],
    "points without labels": [Prompt(0, 1, points=POINTS)],
    "fewer labels": [Prompt(0, 1, points=POINTS, labels=np.array([1], dtype=np.int32))],
    "twice on a frame": [Prompt(0, 1, box=BOX), Prompt(0, 1, box=BOX)],
    "two starts": [Prompt(0, 1, box=BOX, start=True), Prompt(0, 2, box=BOX, start=True)],
}


@pytest.mark.parametrize("prompts", BAD.values(), ids=BAD.keys())
def test_bad_prompts(prompts: list[Prompt]) -> None:
    """A wrong --pivot would end in a traceback from inside the model, or prompt something else."""
    with pytest.raises(ConfigError):
        by_track(prompts, 10, SIZE)


def test_tracks_and_starts() -> None:
    """Propagation would start at the wrong pivot, or tracks would swap their prompts."""
    prompts = [
        Prompt(7, 5, box=BOX),
        Prompt(2, 3, box=BOX),
        Prompt(7, 1, box=BOX),
        Prompt(2, 8, box=BOX, start=True),
    ]
    seven, two = by_track(prompts, 10, SIZE)
    assert (seven.track_id, seven.start, sorted(seven.by_frame)) == (7, 1, [1, 5])
    assert (two.track_id, two.start, sorted(two.by_frame)) == (2, 8, [3, 8])


def test_box_is_two_points_of_the_square() -> None:
    """Boxes would prompt another place on videos that are not square."""
    inputs = point_inputs(Prompt(0, 0, box=BOX), SIZE, 160)
    np.testing.assert_allclose(inputs["point_coords"], [[[[16, 16], [80, 144]]]])
    assert inputs["point_labels"].tolist() == [[[2, 3]]]


def test_points_keep_their_labels() -> None:
    """A click outside the object would count as inside."""
    prompt = Prompt(0, 0, points=POINTS, labels=np.array([1, 0], dtype=np.int32))
    inputs = point_inputs(prompt, SIZE, 160)
    np.testing.assert_allclose(inputs["point_coords"], [[[[16, 16], [80, 144]]]])
    assert inputs["point_labels"].tolist() == [[[1, 0]]]


def test_mask_becomes_a_binary_square() -> None:
    """A mask prompt would reach the model shifted, or grey at its border."""
    mask = MASK.copy()
    mask[:20, :40] = True
    square = mask_input(mask, 16)
    assert square.shape == (1, 1, 16, 16)
    assert square.unique().tolist() == [0, 1]
    assert square[0, 0, :8, :8].all()
    assert square.sum() == 64
