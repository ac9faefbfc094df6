from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from alref_local.errors import ConfigError, MediaError
from alref_local.media import Reader, Window
from alref_local.types import Image
from tests.media.media_kit import number_of, picture


class Drawn(Reader):
    """Numbered pictures at given times."""

    def __init__(self, times: Sequence[float]) -> None:
        self.name, self.size, self.fps, self.warning = "drawn", (8, 28), 10.0, "half of it"
        self.times = np.array(times)
        self.closed = False

    def __len__(self) -> int:
        return len(self.times)

    def timestamps(self) -> NDArray[np.float64]:
        return self.times

    def frame_name(self, index: int) -> str:
        return f"n{index}"

    def visit(self, indices: Sequence[int]) -> Iterator[tuple[int, Image]]:
        return ((index, picture(index, *self.size)) for index in indices)

    def close(self) -> None:
        self.closed = True


@settings(deadline=None)
@given(
    count=st.integers(1, 60),
    start=st.none() | st.floats(0, 7),
    length=st.none() | st.floats(0.01, 7),
    every=st.integers(1, 9),
)
def test_a_window_shows_exactly_the_frames_of_its_stretch(
    count: int, start: float | None, length: float | None, every: int
) -> None:
    """If this fails, --start, --end or --every take wrong frames, or name masks after wrong frames."""
    source = Drawn([index / 10 for index in range(count)])
    end = None if length is None else (start or 0.0) + length
    inside = [i for i in range(count) if i / 10 >= (start or 0) and (end is None or i / 10 < end)][::every]
    if not inside:
        with pytest.raises(MediaError, match="no frame"):
            Window(source, start=start, end=end, every=every)
        return
    with Window(source, start=start, end=end, every=every) as window:
        assert [number_of(frame) for _, frame in window.stream()] == inside
        assert [index for index, _ in window.stream(reverse=True)] == list(range(len(inside)))[::-1]
        assert [number_of(frame) for _, frame in window.stream(reverse=True)] == inside[::-1]
        assert number_of(window.frames([len(window) - 1])[0]) == inside[-1]
        assert [window.frame_name(index) for index in range(len(window))] == [f"n{index}" for index in inside]
        assert window.timestamps() == pytest.approx((np.array(inside) - inside[0]) / 10)
        assert window.offset == pytest.approx(inside[0] / 10)
        assert window.fps == pytest.approx(10 / every)
        assert window.warning == "half of it"
    assert source.closed


@pytest.mark.parametrize("wrong", [{"every": 0}, {"every": -3}, {"start": 2.0, "end": 2.0}, {"end": 0.0}])
def test_windows_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    """If this fails, a mistyped --every or --end ends in a traceback."""
    with pytest.raises(ConfigError):
        Window(Drawn([0.0, 0.1]), **wrong)  # type: ignore[arg-type]
