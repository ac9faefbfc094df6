"""Pivots become prompts: the start decides what the whole mask track grows from."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.select.pivots import start_pivot, track_prompts
from alref_local.types import Box, Pivot

BOX = Box(1, 2, 3, 4)


def pivots(*clips: int) -> list[Pivot]:
    return [Pivot(clip, clip * 25 + 3, BOX) for clip in clips]


@pytest.mark.parametrize(
    ("rule", "n_clips", "surviving", "start"),
    [
        ("nearest_to_middle", 5, (0, 1, 2, 3, 4), 2),  # the middle clip
        ("nearest_to_middle", 4, (0, 1, 2, 3), 2),  # even count: the upper middle
        ("nearest_to_middle", 5, (0, 1, 4), 1),  # middle dropped: its nearest neighbour
        ("nearest_to_middle", 5, (1, 3), 1),  # a tie goes to the earlier
        ("surviving_middle", 5, (0, 1, 4), 1),
        ("surviving_middle", 5, (0, 3, 4), 3),
        ("surviving_middle", 5, (0, 4), 4),
    ],
)
def test_start(
    rule: Literal["nearest_to_middle", "surviving_middle"],
    n_clips: int,
    surviving: tuple[int, ...],
    start: int,
) -> None:
    """Propagation would start from another clip than the paper (or the released code) says."""
    assert start_pivot(pivots(*surviving), n_clips, rule).clip == start


@given(st.sets(st.integers(0, 20), min_size=1))
def test_every_pivot_prompts_once(clips: set[int]) -> None:
    """A pivot would be lost, or a track would have no start or two."""
    prompts = track_prompts(7, pivots(*sorted(clips, reverse=True)), 21, "nearest_to_middle")
    assert [prompt.frame for prompt in prompts] == [clip * 25 + 3 for clip in sorted(clips)]
    assert sum(prompt.start for prompt in prompts) == 1
    assert {prompt.track_id for prompt in prompts} == {7}


def test_no_pivot() -> None:
    """A track without a pivot would be propagated from nowhere."""
    with pytest.raises(ValueError, match="at least one pivot"):
        start_pivot([], 3, "nearest_to_middle")
