"""Video files: exact random access and streaming both ways, in memory that does not grow with length."""

from __future__ import annotations

import logging
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alref_local.errors import MediaError
from alref_local.media.cursor import Cursor
from alref_local.media.reader import Reader
from alref_local.types import Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["VideoFile"]

_SPOOL_MEMORY = 4 * 2**20
_SPOOL_DISK = 2 * 2**30
_BLOCK = 16  # frames that a falling visit decodes together at least: a seek per frame would cost more
_HDR = {16: "PQ", 18: "HLG"}  # transfer functions, as H.273 numbers them
_log = logging.getLogger(__name__)


class VideoFile(Reader):
    """A video file; rotation metadata is applied, pixels stay as stored otherwise (no aspect correction).

    Opening reads all packets, which gives the exact length and times, and decodes the first frame and the
    last keyframe's segment: a tail that cannot be decoded is cut off and ``warning`` says so.

    Memory: an index of some 50 bytes per frame, and a few decoded frames. Streaming in reverse decodes from
    keyframe to keyframe and parks the frames in a temporary file (in memory up to 4 MiB), so that each frame
    is decoded once; where a segment is above 2 GiB of pixels it is taken in parts of that size, each decoded
    from the keyframe again. Several threads may read at once.

    Raises:
        MediaError: not a readable video (see ``container.open_container``), or no frame can be decoded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed = False
        cursor = Cursor(path)
        try:
            self._index = cursor.index
            self._length = _decodable(cursor, path)
            first = cursor.read(0)
        except BaseException:
            cursor.close()
            raise
        self._idle = [cursor]
        self._turn = _turn_of(first)
        self._stored = (first.width, first.height)
        self.size = (first.width, first.height) if self._turn[0] else (first.height, first.width)
        self.name = path.stem
        self.fps = self._index.fps
        missing = _missing(path, self._length, len(self._index.times), self._index.complaint)
        self.warning = " ".join(filter(None, (missing, *_looks(path, first))))
        if self.warning:
            _log.warning("%s", self.warning)

    def __len__(self) -> int:
        return self._length

    def timestamps(self) -> NDArray[np.float64]:
        return self._index.times[: self._length].copy()

    def frame_name(self, index: int) -> str:
        return f"{index:05d}"

    def visit(self, indices: Sequence[int]) -> Iterator[tuple[int, Image]]:
        with self._borrowed() as cursor:
            if len(indices) > 1 and indices[0] > indices[-1]:
                yield from self._falling(cursor, indices[::-1])
            else:
                for index in indices:
                    yield index, self._image(cursor, index)

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _borrowed(self) -> Iterator[Cursor]:
        """An idle cursor, or a new one if all are at work elsewhere: streams do not disturb each other."""
        if self._closed:
            raise MediaError(f"{self.name} has been closed.", hint="Read it inside its 'with' block.")
        cursor = self._idle.pop() if self._idle else Cursor(self._path, self._index)
        try:
            yield cursor
        finally:
            if self._closed or len(self._idle) > 1:
                cursor.close()
            else:
                self._idle.append(cursor)

    def _falling(self, cursor: Cursor, rising: Sequence[int]) -> Iterator[tuple[int, Image]]:
        shape = (*self.size, 3)
        nbytes = self.size[0] * self.size[1] * 3
        end = len(rising)
        while end:
            key = int(self._index.keys[self._index.segment(rising[max(0, end - _BLOCK)])])
            begin = max(bisect_left(rising, key), end - max(1, _SPOOL_DISK // nbytes))
            with tempfile.SpooledTemporaryFile(max_size=_SPOOL_MEMORY) as spool:
                try:
                    for index in rising[begin:end]:
                        spool.write(self._image(cursor, index).data)
                except OSError as error:
                    raise MediaError(
                        f"There is no room to play {self.name} backwards.",
                        hint=f"Free up to {_SPOOL_DISK >> 30} GiB in {tempfile.gettempdir()}, or set TMPDIR.",
                    ) from error
                for place in range(end - begin - 1, -1, -1):
                    spool.seek(place * nbytes)
                    pixels = np.frombuffer(bytearray(spool.read(nbytes)), np.uint8)  # a bytearray: writable
                    yield rising[begin + place], pixels.reshape(shape)
            end = begin

    def _image(self, cursor: Cursor, index: int) -> Image:
        """RGB pixels, upright; a frame of another size than the first is scaled to it."""
        pixels = cursor.pixels(index, *self._stored)
        swap, down, right = self._turn
        turned = pixels.transpose(1, 0, 2) if swap else pixels
        return np.ascontiguousarray(turned[:: -1 if down else 1, :: -1 if right else 1])


def _decodable(cursor: Cursor, path: Path) -> int:
    """How many frames there are up to the last one that can be decoded."""
    for segment in range(len(cursor.index.keys) - 1, -1, -1):
        numbers = [number for number, frame in cursor.decode_from(segment) if not frame.is_corrupt]
        if numbers:
            return max(numbers) + 1
    raise MediaError(
        f"No frame of {path} can be decoded.", hint="It may be damaged: copy or download it again."
    )


def _turn_of(frame: VideoFrame) -> tuple[bool, bool, bool]:
    """The display matrix as: swap the axes, then flip top-down, then flip left-right."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return False, False, False
    a, b, _, c, d, *_ = np.frombuffer(bytes(data)[:36], np.int32).tolist()  # (x, y) -> (ax + cy, bx + dy)
    swap = abs(b) > abs(a)
    return swap, (b if swap else d) < 0, (c if swap else a) < 0


def _looks(path: Path, frame: VideoFrame) -> Iterator[str]:
    """What makes frames look worse than a player shows them, a sentence each."""
    if kind := _HDR.get(frame.color_trc):
        yield f"{path.name} is HDR ({kind}) and is seen without tone mapping: its colours are pale."
    if frame.interlaced_frame:
        yield f"{path.name} is interlaced and is seen as it is: what moves has combed edges."


def _missing(path: Path, length: int, indexed: int, complaint: str) -> str:
    if length < indexed:
        return f"{path.name} is damaged: the last {indexed - length} frame(s) cannot be decoded."
    return f"{path.name} is cut off: {complaint}." if complaint else ""
