from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pil

from alref_local.errors import ConfigError
from alref_local.media.badges import badge_boxes, box_colour, id_badge_box
from alref_local.media.strip import Layout, Panel, grid_shape, panel_size, strip
from alref_local.types import Box, Image


def grey(height: int, width: int, level: int = 90) -> Image:
    return np.full((height, width, 3), level, np.uint8)


def decoded(data: bytes) -> NDArray[np.int64]:
    return np.array(Pil.open(io.BytesIO(data)).convert("RGB")).astype(np.int64)


@pytest.mark.parametrize(
    ("layout", "shapes"),
    [
        ("horizontal", [(50, 500)]),
        ("vertical", [(250, 100)]),
        ("grid", [(150, 200)]),
        ("separate", [(50, 100)] * 5),
    ],
)
def test_panels_stand_where_the_layout_says(layout: Layout, shapes: list[tuple[int, int]]) -> None:
    """If this fails, the backend sees frames in another order or shape than the prompt says."""
    levels = (40, 80, 120, 160, 200)
    panels = [Panel(grey(100, 200, level), number) for number, level in enumerate(levels, 1)]
    images = [decoded(data) for data in strip(panels, layout=layout, panel=100, quality=95)]
    assert [image.shape[:2] for image in images] == shapes
    cells = [
        image[y : y + 50, x : x + 100]
        for image in images
        for y in range(0, image.shape[0], 50)
        for x in range(0, image.shape[1], 100)
    ]
    assert [round(float(cell[40:, 60:].mean()), -1) for cell in cells[:5]] == list(levels)


def test_equal_panels_give_equal_bytes() -> None:
    """If this fails, caches miss and replays refuse their own run."""
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    panels = [Panel(frame, 1), Panel(frame, 2, (Box(10, 10, 60, 60),))]
    first = strip(panels, layout="grid", panel=500, quality=90)
    assert first == strip([Panel(frame.copy(), 1), panels[1]], layout="grid", panel=500, quality=90)
    assert first != strip(
        [panels[0], Panel(frame, 3, (Box(10, 10, 60, 60),))], layout="grid", panel=500, quality=90
    )


@pytest.mark.parametrize("size", [(48, 64), (281, 500), (480, 270), (1080, 1920)])
def test_boxes_and_badges_have_their_colours_and_places(size: tuple[int, int]) -> None:
    """If this fails, box 2 of the prompt is not box 2 of the picture."""
    height, width = size
    boxes = (
        Box(0.35 * width, 0.3 * height, 0.95 * width, 0.95 * height),
        Box(0.45 * width, 0.05 * height, 0.7 * width, 0.6 * height),
    )
    (data,) = strip([Panel(grey(height, width), 7, boxes)], layout="horizontal", panel=500, quality=95)
    image = decoded(data)
    shown = panel_size(size, 500)
    assert image.shape == (*shown, 3)
    scale = shown[1] / width
    small = [Box(*(side * scale for side in box)) for box in boxes]
    for number, (box, badge) in enumerate(zip(small, badge_boxes(shown, small, id=7), strict=True), 1):
        edge = image[round((box.y0 + box.y1) / 2), round(box.x0) + 1]
        assert np.abs(edge - box_colour(number)).max() < 60
        face = image[
            round(badge.y0 + 0.5 * (badge.y1 - badge.y0)), round(badge.x0 + 0.22 * (badge.x1 - badge.x0))
        ]
        assert np.abs(face - box_colour(number)).max() < 90
    badge = id_badge_box(shown, 7)
    assert image[int(badge.y0) : int(badge.y1), int(badge.x0) : int(badge.x1), 2].mean() > 120
    untouched = image[int(badge.y1) + 4 :, : int(small[0].x0) - 4]
    assert np.abs(untouched - 90).max() < 30


@settings(deadline=None)
@given(
    size=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    panel=st.integers(32, 4096),
)
def test_a_panel_is_scaled_down_only_and_keeps_its_shape(size: tuple[int, int], panel: int) -> None:
    """If this fails, frames are blown up or distorted for the backend."""
    height, width = panel_size(size, panel)
    assert max(height, width) <= max(panel, 1)
    assert height <= size[0]
    assert width <= size[1]
    if max(size) <= panel:
        assert (height, width) == size
    else:
        assert (
            abs(height / width - size[0] / size[1])
            <= max(1 / width, size[0] / size[1] / width, 1 / height) * 2
        )


@settings(deadline=None)
@given(count=st.integers(1, 32), size=st.tuples(st.integers(32, 600), st.integers(32, 600)))
def test_a_grid_holds_all_panels_without_an_empty_row(count: int, size: tuple[int, int]) -> None:
    """If this fails, a grid drops frames or wastes a row."""
    rows, columns = grid_shape(count, size)
    assert (rows - 1) * columns < count <= rows * columns
    widest = max(size[0] * count, size[1] * count)
    assert max(rows * size[0], columns * size[1]) <= widest


def test_sixteen_to_nine_panels_make_two_columns_of_three() -> None:
    """If this fails, a grid is not near a square."""
    assert grid_shape(5, (281, 500)) == (3, 2)
    assert grid_shape(4, (300, 300)) == (2, 2)


def test_a_strip_beyond_what_a_jpeg_holds_is_said() -> None:
    """If this fails, a long strip of large frames ends in a traceback of the image library."""
    panels = [Panel(grey(10, 4096), number) for number in range(1, 18)]
    with pytest.raises(ConfigError, match="too large"):
        strip(panels, layout="horizontal", panel=4096, quality=50)


@pytest.mark.parametrize("size", [(8, 8), (20, 30), (3, 200)])
def test_frames_smaller_than_a_badge_still_give_a_strip(size: tuple[int, int]) -> None:
    """If this fails, a thumbnail-sized video stops the run."""
    panels = [Panel(grey(*size), 12, (Box(0, 0, size[1], size[0]),))]
    (data,) = strip(panels, layout="horizontal", panel=500, quality=90)
    assert decoded(data).shape == (*size, 3)


def test_a_mask_is_outlined_outside_and_lightly_tinted_inside() -> None:
    """If this fails, the second look cannot see what is masked, or takes the tint for the object's colour."""
    frame, mask = grey(100, 200), np.zeros((100, 200), np.bool_)
    frame[40:80, 60:120] = (200, 30, 30)
    mask[40:80, 60:120] = True
    (data,) = strip([Panel(frame, 1, mask=mask)], layout="horizontal", panel=500, quality=95)
    image = decoded(data)
    assert np.abs(image[38:40, 60:120] - (255, 0, 255)).max() < 90  # the line, outside the mask
    assert np.abs(image[45:75, 65:115] - (200, 30, 30)).max() < 60
    assert (image[45:75, 65:115, 2] > 50).all()
    assert np.abs(image[30:90, 140:] - 90).max() < 20


@pytest.mark.parametrize("at", [(0, 0), (1079, 1919), (500, 901)])
def test_the_smallest_mask_is_seen(at: tuple[int, int]) -> None:
    """If this fails, a far object has no mark, and the second look is at nothing."""
    mask = np.zeros((1080, 1920), np.bool_)
    mask[at] = True
    plain, marked = (
        decoded(strip([Panel(grey(1080, 1920), 1, mask=m)], layout="separate", panel=500, quality=90)[0])
        for m in (None, mask)
    )
    assert (np.abs(marked - plain).max(axis=2) > 60).sum() >= 12


def test_an_empty_mask_draws_nothing() -> None:
    """If this fails, a frame without the object looks as if it held one."""
    panels = [Panel(grey(40, 60), 1, mask=m) for m in (None, np.zeros((40, 60), np.bool_))]
    plain, empty = (strip([panel], layout="separate", panel=500, quality=90) for panel in panels)
    assert plain == empty
