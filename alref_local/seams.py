"""The seams of the house: what a part must offer to be swapped for another.

This package has one or several of each. A config names a grounder, segmentor, tagger, aligner or strategy as
``module:Class``, and so may name one of somebody else's. It is constructed with keyword arguments: a segmentor with
all fields of its config section but ``engine``, a grounder with those that are not null, a tagger and an aligner with
``model``, and all four with ``device``; a strategy with nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from alref_local.types import Candidate, FrameMasks, Image, Prompt, Query, Tag

if TYPE_CHECKING:
    from alref_local.engine import Engine
    from alref_local.events import Event
    from alref_local.reason.question import Answer, Question

__all__ = ["Aligner", "Backend", "Grounder", "Segmentor", "Strategy", "Tagger", "VideoReader"]


@runtime_checkable
class VideoReader(Protocol):
    """A video of known length whose frames are decoded on demand; memory does not grow with length."""

    @property
    def name(self) -> str:
        """Short name for people and folders (file stem)."""

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` after rotation."""

    @property
    def fps(self) -> float:
        """Average frames per second (frame folders: as configured)."""

    def __len__(self) -> int:
        """Number of frames."""

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """``(n, H, W, 3)`` uint8 RGB frames in the order asked for; ``IndexError`` if out of range."""

    def stream(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[int, Image]]:
        """Yield ``(index, frame)`` over ``[start, stop)``, from the end if ``reverse``, in flat memory."""

    def timestamps(self) -> NDArray[np.float64]:
        """``(len,)`` presentation times in seconds, rising from 0."""

    def frame_name(self, index: int) -> str:
        """Name of a frame in output folders: ``00007`` for videos, the file's stem for frame folders."""


@runtime_checkable
class Grounder(Protocol):
    """Open-vocabulary detector: candidate boxes for a text on a frame (GroundingDINO in the paper)."""

    def propose(self, images: Sequence[Image], texts: Sequence[str]) -> list[list[Candidate]]:
        """One list per (image, text) pair, best score first; thresholds and limit are the constructor's."""

    def with_thresholds(self, box_threshold: float, text_threshold: float) -> Grounder:
        """The same model (weights shared) with other thresholds."""


@runtime_checkable
class Segmentor(Protocol):
    """Promptable video segmentor (SAM 2 in the paper)."""

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        """Propagate every track from its start forward to the end, then backward to frame 0.

        All prompts of a track are conditioning frames from the start. A frame may be yielded more than once,
        each time for other tracks; every (frame, track) pair comes exactly once.
        """


@runtime_checkable
class Tagger(Protocol):
    """Classifier of sound by AudioSet's labels (BEATs in the paper).

    It hears ``(n,)`` float32 mono samples at 16 kHz in ``[-1, 1]``, however few or many.
    """

    def tags(self, samples: NDArray[np.float32], k: int) -> list[Tag]:
        """The ``k`` most probable labels (of each checkpoint, if several are joined), best first; never "Silence"."""

    def features(self, samples: NDArray[np.float32], seconds: float = 1.0) -> NDArray[np.float32]:
        """``(windows, d)`` float32, one row for each window of so many seconds; the last may be shorter."""


@runtime_checkable
class Aligner(Protocol):
    """Audio and text in one space (LanguageBind in the paper, or CLAP): how alike a sound and words are.

    All similarities are cosines in ``[-1, 1]``, unscaled; a row or column depends on its own sound or text alone.
    """

    def similarity(
        self, segments: Sequence[NDArray[np.float32]], texts: Sequence[str]
    ) -> NDArray[np.float32]:
        """``(n, m)`` float32: each of ``n`` segments with each of ``m`` texts (equation 1 takes the best of a row).

        A segment is ``(samples,)`` float32 mono at 16 kHz in ``[-1, 1]``, however few (none: silence) or many.
        Either sequence may be empty.
        """

    def text_similarity(self, texts: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
        """``(n, m)`` float32: each of ``n`` texts with each of ``m`` others."""


@runtime_checkable
class Backend(Protocol):
    """A multimodal LLM (or what stands for one) that answers questions."""

    @property
    def name(self) -> str:
        """Name of the card."""

    async def ask(self, question: Question) -> Answer:
        """Answer one question; many may be in flight.

        Raises:
            BackendError: no reply, after the retries that the card allows.
            AnswerError: replies came, but none was valid.
        """

    async def close(self) -> None:
        """Release connections."""


@runtime_checkable
class Strategy(Protocol):
    """A way from queries to mask tracks, told as events."""

    def run(self, video: VideoReader, queries: Sequence[Query], engine: Engine) -> AsyncGenerator[Event]:
        """Segment all queries of one video together, so that they share the encoder pass."""
