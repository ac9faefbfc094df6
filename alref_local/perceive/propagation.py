"""Carries tracks through a video that streams past: from their starts to the end, then backward to frame 0.

Each track is an inference session of its own, so its masks do not depend on the others. State is bounded: a
frame's memory is dropped as soon as no later step can look at it, which changes no result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alref_local.perceive.shared import Shared
from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, Image

__all__ = ["Track", "propagate"]

Logits = NDArray[np.float16]
_MEMORY = ("maskmem_features", "maskmem_pos_enc")


@dataclass(slots=True, eq=False)
class Track:
    """One object: its session (all prompts already run), its prompted frames and the frame it starts from."""

    id: int
    start: int
    prompted: frozenset[int]
    session: Any

    def step(self, model: Any, frame: int, *, reverse: bool) -> tuple[Logits, float]:
        """``(h, w)`` logits and object score on ``frame``, which follows the last step in its direction."""
        found = model(self.session, frame_idx=frame, reverse=reverse)
        self._forget(model.config, frame, reverse)
        return found.pred_masks[0, 0].half().cpu().numpy(), float(found.object_score_logits.flatten()[0])

    def _forget(self, config: Any, now: int, reverse: bool) -> None:
        """Drop what no later step reads; object pointers are read from further back than mask memories."""
        memory, pointers = config.num_maskmem - 1, config.max_object_pointers_in_encoder - 1
        outputs = self.session.output_dict_per_obj[0]["non_cond_frame_outputs"]
        for frame in list(outputs):
            # Backward, the first steps before the start look at the frames just after it.
            age = frame - now if reverse else min(now - frame, abs(frame - self.start))
            if age >= max(memory, pointers):
                del outputs[frame]
                continue
            for key in ("high_res_masks", "pred_masks", *(_MEMORY if age >= memory else ())):
                outputs[frame].pop(key, None)
        self.session.frames_tracked_per_obj[0].clear()


def propagate(shared: Shared, video: VideoReader, tracks: Sequence[Track]) -> Iterator[FrameMasks]:
    """Yield every (frame, track) pair once; tracks that are on the same frame share its encoder pass."""
    first, last = min(track.start for track in tracks), max(track.start for track in tracks)
    for index, image, here in _meetings(video.stream(first), tracks, reverse=False):
        yield _advance(shared, index, image, here, reverse=False)
        shared.features.leave(
            index, again=any(index < one.start and index not in one.prompted for one in tracks)
        )
    for index, image, here in _meetings(video.stream(0, last, reverse=True), tracks, reverse=True):
        yield _advance(shared, index, image, here, reverse=True)
        shared.features.leave(index, again=False)


def _meetings(
    stream: Iterable[tuple[int, Image]], tracks: Sequence[Track], *, reverse: bool
) -> Iterator[tuple[int, Image, list[Track]]]:
    """The stream with the tracks that advance on each frame: a track's start belongs to its forward way."""
    for index, image in stream:
        yield index, image, [track for track in tracks if (index < track.start) == reverse]


def _advance(
    shared: Shared, index: int, image: Image, tracks: Sequence[Track], *, reverse: bool
) -> FrameMasks:
    shared.frames.take(index, image)
    steps = [track.step(shared.model, index, reverse=reverse) for track in tracks]
    return FrameMasks(
        frame=index,
        track_ids=tuple(track.id for track in tracks),
        logits=np.stack([logits for logits, _ in steps]),
        object_score=np.array([score for _, score in steps], dtype=np.float32),
    )
