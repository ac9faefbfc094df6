"""A segmentor that takes its time, to be interrupted or killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, Prompt
from tests.fakes import BoxSegmentor


class SlowSegmentor(BoxSegmentor):
    """``SLOW`` seconds a frame (environment variable; 2 if unset)."""

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        for masks in super().track(video, prompts):
            time.sleep(float(os.environ.get("SLOW", "2")))
            yield masks
