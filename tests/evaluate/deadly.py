"""A segmentor that ends its process, as the kernel does when memory runs out."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence

from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, Prompt
from tests.fakes import BoxSegmentor


class Deadly(BoxSegmentor):
    """Deadly for the video ``2.mp4``, and only after its first frame."""

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        for masks in super().track(video, prompts):
            if video.name == "2.mp4" and masks.frame:
                os.kill(os.getpid(), signal.SIGKILL)
            yield masks
