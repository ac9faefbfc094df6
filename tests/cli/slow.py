"""A segmentor that takes its time, to be interrupted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, Prompt
from tests.fakes import BoxSegmentor


class SlowSegmentor(BoxSegmentor):
    """Two seconds a frame."""

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        for masks in super().track(video, prompts):
            time.sleep(2)
            yield masks
