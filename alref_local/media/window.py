"""A view of a video: a stretch in seconds, or every N-th frame, without copying anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from alref_local.errors import ConfigError, MediaError
from alref_local.media.reader import Reader
from alref_local.types import Image

__all__ = ["Window"]


class Window(Reader):
    """The frames of ``source`` with ``start <= time < end`` (seconds), of these every ``every``-th.

    Frames are numbered from 0 and timed from 0 here; ``frame_name`` stays the source's. ``offset`` is the
    time of the first frame in the source, in seconds. Closing the window closes the source.

    Raises:
        ConfigError: ``every`` is below 1, or ``end`` is not after ``start``.
        MediaError: no frame lies in the stretch.
    """

    def __init__(
        self, source: Reader, *, start: float | None = None, end: float | None = None, every: int = 1
    ) -> None:
        if every < 1:
            raise ConfigError(f"Every {every}-th frame cannot be taken.", hint="Give a whole number from 1.")
        if end is not None and end <= (start or 0.0):
            raise ConfigError(
                f"The end ({end:g} s) is not after the start ({start or 0.0:g} s).", hint="Give a later end."
            )
        times = source.timestamps()
        inside = (times >= (start or 0.0)) & (times < (np.inf if end is None else end))
        self._picks: NDArray[np.int64] = np.flatnonzero(inside)[::every]
        if not len(self._picks):
            raise MediaError(
                f"{source.name} has no frame in the chosen stretch.",
                hint=f"It has {len(source)} frames and lasts {times[-1] + 1 / source.fps:.2f} s.",
            )
        self._source = source
        self._times = times[self._picks]
        self.name = source.name
        self.size = source.size
        self.fps = source.fps / every
        self.warning = source.warning
        self.offset = float(self._times[0])

    def __len__(self) -> int:
        return len(self._picks)

    def timestamps(self) -> NDArray[np.float64]:
        return self._times - self.offset

    def frame_name(self, index: int) -> str:
        return self._source.frame_name(int(self._picks[index]))

    def visit(self, indices: Sequence[int]) -> Iterator[tuple[int, Image]]:
        picked = self._picks[np.asarray(indices, dtype=np.int64)].tolist()
        return ((index, frame) for index, (_, frame) in zip(indices, self._source.visit(picked), strict=True))

    def close(self) -> None:
        self._source.close()
