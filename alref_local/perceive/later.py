"""No masks yet: a segmentor for the first of two turns, where a GPU holds the language model or SAM 2.

In the first turn everything is asked (``--set segmentation.engine=alref_local.perceive.later:MasksLater``) and the
answers are kept; in the second the same command without it finds them, and no server is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, Prompt

__all__ = ["MASKS_LATER", "MasksLater", "loads_checkpoint"]

MASKS_LATER = "alref_local.perceive.later:MasksLater"
"""As a config names it."""


def loads_checkpoint(engine: str) -> bool:
    """Whether an engine of a config is one of this package's that loads the checkpoint named beside it."""
    return engine.startswith("alref_local.") and engine != MASKS_LATER


class MasksLater:
    """Loads nothing, whatever model the config names, and leaves every mask empty."""

    def __init__(self, **_: Any) -> None: ...

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        """Yield nothing."""
        return iter(())
