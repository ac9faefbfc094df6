"""Region similarity J, contour accuracy F, and scores of folders of masks."""

from __future__ import annotations

from alref_local.metrics.davis import contour_accuracy, region_similarity
from alref_local.metrics.folders import score_folders, unscored

__all__ = ["contour_accuracy", "region_similarity", "score_folders", "unscored"]
