"""No masks yet: a segmentor for the first of two turns, where a GPU holds the language model or SAM 2.

In the first turn everything is asked (``--set segmentation.engine=alref_local.perceive.later:MasksLater``) and the
answers are kept; in the second the same command without it finds them, and no server is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, Prompt

__all__ = ["MasksLater"]


class MasksLater:
    """Loads nothing, whatever model the config names, and leaves every mask empty."""

    def __init__(self, **_: Any) -> None: ...

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        """Yield nothing."""
        return iter(())
