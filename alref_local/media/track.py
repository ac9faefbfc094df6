"""The sound track of a video that is being written, kept in step with its pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from alref_local.media.samples import RATE, Samples

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

__all__ = ["SoundTrack"]

_BLOCK = 1_024


class SoundTrack:
    """Mono 16 kHz: AAC, or FLAC of 16 bits.

    Args:
        container: the file, before its first packet.
        pieces: float32 ``(n,)`` samples in [-1, 1] from the first picture on; what outlasts the pictures is left out.
        lossless: FLAC.
    """

    def __init__(self, container: OutputContainer, pieces: Iterable[Samples], *, lossless: bool) -> None:
        self._container, self._pieces = container, iter(pieces)
        codec = "flac" if lossless else "aac"
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        self._stream = cast("AudioStream", stream)
        self._held = np.zeros(0, np.float32)
        self._written = 0

    def until(self, seconds: float) -> None:
        """Write what sounds before this time, as far as there is any."""
        end = round(seconds * RATE)
        while self._written < end:
            block = self._take(min(_BLOCK, end - self._written))
            if not len(block):
                return
            self._container.mux(self._stream.encode(self._frame(block)))
            self._written += len(block)

    def finish(self) -> None:
        """Write what the encoder holds back."""
        self._container.mux(self._stream.encode())

    def _take(self, count: int) -> Samples:
        while not len(self._held):
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._held = piece
        block, self._held = self._held[:count], self._held[count:]
        return block

    def _frame(self, block: Samples) -> Any:
        import av

        whole: NDArray[np.int16] = np.clip(np.rint(block * 32_768), -32_768, 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(whole[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self._written
        return frame
