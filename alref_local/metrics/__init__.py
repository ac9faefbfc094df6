"""J and F, their kin of audio-visual segmentation, no-target accuracy, intervals, and scores of folders of masks."""

from __future__ import annotations

from alref_local.metrics.avs import FrameScores, avsbench_f, frame_scores, null_s, released_f
from alref_local.metrics.avss import class_sums, semantic
from alref_local.metrics.davis import contour_accuracy, region_similarity
from alref_local.metrics.folders import score_folders, unscored
from alref_local.metrics.intervals import bootstrap, gain
from alref_local.metrics.objects import merge, object_scores
from alref_local.metrics.targets import target_accuracy

__all__ = [
    "FrameScores",
    "avsbench_f",
    "bootstrap",
    "class_sums",
    "contour_accuracy",
    "frame_scores",
    "gain",
    "merge",
    "null_s",
    "object_scores",
    "region_similarity",
    "released_f",
    "score_folders",
    "semantic",
    "target_accuracy",
    "unscored",
]
