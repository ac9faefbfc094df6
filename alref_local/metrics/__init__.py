"""J and F, their kin of audio-visual segmentation, no-target accuracy, intervals, and scores of folders of masks."""

from __future__ import annotations

from alref_local.metrics.avs import M_F, FrameScores, frame_scores, m_j, null_s
from alref_local.metrics.avss import class_sums, semantic
from alref_local.metrics.davis import contour_accuracy, region_similarity
from alref_local.metrics.folders import score_folders, unscored
from alref_local.metrics.intervals import bootstrap, gain
from alref_local.metrics.objects import merge, object_scores
from alref_local.metrics.targets import target_accuracy

__all__ = [
    "M_F",
    "FrameScores",
    "bootstrap",
    "class_sums",
    "contour_accuracy",
    "frame_scores",
    "gain",
    "m_j",
    "merge",
    "null_s",
    "object_scores",
    "region_similarity",
    "score_folders",
    "semantic",
    "target_accuracy",
    "unscored",
]
