"""The segmentor alone: a true box on a good frame, carried forward and backward."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from alref_local.metrics import region_similarity
from alref_local.perceive.masks import binarize
from alref_local.settings import Settings
from alref_local.types import Box, Prompt
from alref_local.world import Scene
from alref_local.world.reader import SceneReader
from pipeline import segmentor
from tally import Tally

__all__ = ["measure_segmentation"]

TOUCHING = 3
"""Pixels: another object this near counts as touching."""


def measure_segmentation(scene: Scene, settings: Settings, device: str, tally: Tally) -> None:
    """J over the frames on which the target is visible, and how many absent frames are left empty."""
    target = scene.target
    if not target.referents or not target.good_frames:
        return
    referent, start = target.referents[0], target.good_frames[len(target.good_frames) // 2]
    prompt = Prompt(0, start, box=Box(*map(float, scene.boxes(start)[referent])), start=True)
    for masks in segmentor(settings.segmentation, device).track(SceneReader(scene), [prompt]):
        ours = binarize(masks, scene.size, settings.segmentation.object_score)[0]
        everything = scene.masks(masks.frame)
        truth = everything[referent]
        if not truth.any():
            tally.add("segmentation/absent frames empty", not ours.any())
            continue
        j = float(region_similarity(ours, truth))
        tally.add("segmentation/J", j)
        way = "prompted frame" if masks.frame == start else "forward" if masks.frame > start else "backward"
        tally.add(f"segmentation/J/{way}", j)
        tally.add(f"segmentation/J/{'touching' if _touches(everything, referent) else 'apart'}", j)


def _touches(masks: NDArray[np.bool_], referent: int) -> bool:
    others = np.delete(masks, referent, axis=0).any(axis=0)
    near = binary_dilation(masks[referent], iterations=TOUCHING)
    return bool(np.any(near & others))
