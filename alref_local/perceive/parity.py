"""How far this project's SAM 2 engine is from the original package, on the same weights and a drawn clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alref_local.perceive.masks import enlarge
from alref_local.perceive.prompts import by_track
from alref_local.perceive.propagation import Seen, sightings
from alref_local.perceive.sam2_package import Sam2Package
from alref_local.perceive.segmentation import Sam2
from alref_local.types import Box, Prompt
from alref_local.world import make_scene
from alref_local.world.reader import SceneReader

__all__ = ["Parity", "parity"]

_PRESET, _SEED, _LENGTH = "easy", 700_009, 8


@dataclass(frozen=True, slots=True)
class Parity:
    """What two engines make of the same boxes, in float32.

    Attributes:
        frames: of the clip.
        tracks: objects followed from one frame in its middle, both ways.
        difference: the largest of any logit that both engines give where they see the object.
        typical: the same for half of all masks: the original keeps memories in bfloat16, and where one rounds the
            other way, a mask's logits move by about a thousandth.
        iou: of all masks at video size, the least of any track.
    """

    frames: int
    tracks: int
    difference: float
    typical: float
    iou: float


def parity(model: str, *, device: str = "cpu") -> Parity:
    """Compare ``Sam2`` with ``Sam2Package`` on a checkpoint folder.

    Raises:
        PrerequisiteError: the ``sam2`` package, the checkpoint or the device is not there.
        ConfigError: the checkpoint is not SAM 2 video.
    """
    theirs_engine = Sam2Package(model=model, device=device)
    scene = make_scene(_PRESET, _SEED, length=_LENGTH)
    middle, video = _LENGTH // 2, SceneReader(scene)
    prompts = [Prompt(at, middle, box=Box(*map(float, box))) for at, box in enumerate(scene.boxes(middle))]
    tracks = by_track(prompts, len(video), video.size)
    ours, theirs = (
        {
            (frame, track_id): one
            for frame, track_ids, seen in sightings(
                engine.session(len(video), video.size, tracks), video, tracks
            )
            for track_id, one in zip(track_ids, seen, strict=True)
        }
        for engine in (Sam2(model=model, device=device), theirs_engine)
    )
    differences = [
        float(np.abs(ours[at].logits - theirs[at].logits).max())
        for at in ours
        if ours[at].score > 0 and theirs[at].score > 0
    ]
    masks, others = (
        np.array(
            [[_mask(engine[frame, at], scene.size) for frame in range(_LENGTH)] for at in range(len(tracks))]
        )
        for engine in (ours, theirs)
    )
    return Parity(
        frames=_LENGTH,
        tracks=len(tracks),
        difference=max(differences, default=0.0),
        typical=float(np.median(differences)) if differences else 0.0,
        iou=min(_iou(mine, other) for mine, other in zip(masks, others, strict=True)),
    )


def _mask(seen: Seen, size: tuple[int, int]) -> NDArray[np.bool_]:
    return enlarge(seen.logits, size) if seen.score > 0 else np.zeros(size, np.bool_)


def _iou(mine: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    either = int((mine | other).sum())
    return int((mine & other).sum()) / either if either else 1.0
