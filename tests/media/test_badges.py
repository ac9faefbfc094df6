from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alref_local.media.badges import BOX_COLOUR_NAMES, badge_boxes, badge_image, box_colour, id_badge_box
from alref_local.types import Box

sizes = st.sampled_from(
    [(48, 64), (64, 64), (64, 36), (240, 320), (281, 500), (500, 281), (2160, 3840), (60, 500)]
)


@st.composite
def crowds(draw: st.DrawFn) -> tuple[tuple[int, int], list[Box]]:
    """A panel size and up to nine boxes: scattered, nested, equal, or beyond the panel."""
    height, width = draw(sizes)
    count = draw(st.integers(0, 9))
    if draw(st.booleans()):
        step = draw(st.floats(0, 0.05))
        shares = [(step * k, step * k, 1 - step * k, 1 - step * k) for k in range(count)]
    else:
        side = st.floats(-0.1, 1.1)
        spans = st.tuples(side, side).map(sorted)
        shares = [
            (x[0], y[0], x[1], y[1])
            for x, y in draw(st.lists(st.tuples(spans, spans), min_size=count, max_size=count))
        ]
    return (height, width), [Box(a * width, b * height, c * width, d * height) for a, b, c, d in shares]


def overlap(a: Box, b: Box) -> bool:
    return min(a.x1, b.x1) > max(a.x0, b.x0) and min(a.y1, b.y1) > max(a.y0, b.y0)


@settings(deadline=None)
@given(crowds(), st.integers(1, 32))
def test_badges_neither_cover_each_other_nor_leave_the_panel(
    crowd: tuple[tuple[int, int], list[Box]], id: int
) -> None:
    """If this fails, a box number or the frame's id cannot be read, and the answer names a wrong box."""
    (height, width), boxes = crowd
    badges = badge_boxes((height, width), boxes, id=id)
    assert len(badges) == len(boxes)
    for badge in (*badges, id_badge_box((height, width), id)):
        assert badge.x0 >= 0 <= badge.y0
        assert badge.x1 <= width
        assert badge.y1 <= height
    assert not any(overlap(a, b) for a, b in combinations((*badges, id_badge_box((height, width), id)), 2))
    assert len({badge.x1 - badge.x0 for badge in badges}) <= 1


@pytest.mark.parametrize(
    ("size", "least"), [((48, 64), 16), ((240, 320), 20), ((281, 500), 25), ((2160, 3840), 190)]
)
def test_badges_of_three_boxes_keep_a_readable_size(size: tuple[int, int], least: int) -> None:
    """If this fails, the numbers are too small to read on small or large frames."""
    height, width = size
    boxes = [Box(0.3 * width, 0.2 * height, 0.9 * width, 0.9 * height)] * 3
    badges = badge_boxes(size, boxes, id=1)
    assert min(badge.x1 - badge.x0 for badge in badges) >= least
    assert id_badge_box(size, 1).x1 - id_badge_box(size, 1).x0 >= least


def test_a_lone_badge_sits_in_the_bottom_right_corner_of_its_box() -> None:
    """If this fails, badges drift from where the method puts them."""
    (badge,) = badge_boxes((281, 500), [Box(200, 50, 400, 250)], id=1)
    assert (badge.x1, badge.y1) == (400, 250)


def test_a_badge_does_not_hide_a_small_object() -> None:
    """If this fails, the object in question disappears under its own number."""
    box = Box(240, 130, 262, 148)
    (badge,) = badge_boxes((281, 500), [box], id=1)
    assert not overlap(badge, box)
    assert max(abs(badge.x0 - box.x0), abs(badge.y0 - box.y0)) < 60


def test_nine_boxes_have_nine_colours_in_the_order_of_the_prompts() -> None:
    """If this fails, the prompt says 'a pink box' and the picture shows another colour."""
    assert BOX_COLOUR_NAMES[:6] == ("green", "pink", "orange", "blue", "red", "yellow")
    colours = [box_colour(number) for number in range(1, 10)]
    assert all(np.abs(np.subtract(a, b)).max() > 60 for a, b in combinations(colours, 2))
    assert box_colour(2) == (255, 0, 255)


@pytest.mark.parametrize("diameter", [16, 28, 200])
def test_a_badge_is_a_white_rimmed_disc_with_a_number_inside(diameter: int) -> None:
    """If this fails, badges are blank, square or have no contrast."""
    pictures = [np.array(badge_image(text, (31, 119, 180), diameter)) for text in ("1", "8", "12")]
    for picture in pictures:
        assert picture.shape == (diameter, diameter, 4)
        assert picture[0, 0, 3] < 128
        assert picture[diameter // 2, 0, :3].min() > 200
    assert not np.array_equal(pictures[0], pictures[1])
    inner = pictures[1][diameter // 4 : -diameter // 4, diameter // 4 : -diameter // 4, 0]
    assert 0.1 < (inner > 180).mean() < 0.8
