"""The strip of who sounds when."""

from __future__ import annotations

import numpy as np
import pytest

from alref_local.media.timeline import MOST, Row, Timeline
from alref_local.types import Spans

RED, GREEN = (255, 0, 0), (0, 255, 0)


def lit(strip: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], colour: tuple[int, int, int]) -> list[int]:
    """Columns in which a colour is."""
    columns: list[int] = np.flatnonzero((strip == colour).all(axis=2).any(axis=0)).tolist()
    return columns


def test_each_thing_is_lit_while_it_sounds() -> None:
    """The strip would say that something sounds when it does not."""
    line = Timeline([Row("dog", RED, ((0, 1), (3, 4))), Row("train", GREEN, ((1, 3),))], 4, 400)
    strip = line.at(2.0)
    assert strip.shape == (line.height, 400, 3)
    assert strip.dtype == np.uint8
    red, green = lit(strip, RED), lit(strip, GREEN)
    assert len(red) == pytest.approx(len(green), abs=4)
    assert red[0] < green[0] <= green[-1] < red[-1]
    assert green[-1] - green[0] == pytest.approx((red[-1] - red[0]) / 2, abs=3)
    half = line.height // 2
    assert not (strip[half:] == RED).all(axis=2).any()
    assert not (strip[:half] == GREEN).all(axis=2).any()


def test_the_cursor_moves_with_the_video_and_nothing_else_does() -> None:
    """Nobody sees which moment of the strip the picture shows."""
    line = Timeline([Row("dog", RED, ())], 4, 400)
    strips = [line.at(second).astype(int) for second in (-1, 0, 1, 2, 4, 9)]
    assert np.array_equal(strips[0], strips[1])
    assert np.array_equal(strips[4], strips[5])
    bar = slice(85, None)  # right of the name
    places = [float(np.flatnonzero((one[:, bar] == 255).all(axis=(0, 2))).mean()) for one in strips[1:5]]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=1)
    assert places[3] - places[0] == pytest.approx(4 * (places[1] - places[0]), abs=3)
    assert np.array_equal(strips[1][:, :80], strips[4][:, :80])


@pytest.mark.parametrize("width", [1, 8, 97, 320, 4_000])
@pytest.mark.parametrize("count", [1, 3, 30])
def test_any_video_has_room_for_it(width: int, count: int) -> None:
    """A small video, or one with many sounds, ends in a traceback after all the work is done."""
    when: Spans = ((0.2, 0.3), (5, 9))
    line = Timeline([Row("a very long name " * 4, RED, when)] * count, 1.0, width)
    assert line.at(0.5).shape == (line.height, width, 3)
    assert line.height == Timeline([Row("a", RED, when)] * min(count, MOST), 1.0, width).height
