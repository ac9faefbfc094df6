"""Segment what a sentence refers to, through a whole video, on this machine.

    import alref_local
    result = alref_local.segment("dog.mp4", ["the dog on the left"], backend="qwen", out="out")
    mask = result.mask(frame=12)

Importing the package loads neither torch nor transformers; the first call does.
"""

from __future__ import annotations

from alref_local.api import segment
from alref_local.errors import (
    AlrefError,
    AnswerError,
    BackendError,
    ConfigError,
    MediaError,
    PrerequisiteError,
)
from alref_local.types import Box, Pivot

__all__ = [
    "AlrefError",
    "AnswerError",
    "BackendError",
    "Box",
    "ConfigError",
    "MediaError",
    "Pivot",
    "PrerequisiteError",
    "segment",
]
