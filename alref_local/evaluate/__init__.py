"""Whole data sets: workers, a journal that survives anything, and the scores."""

from __future__ import annotations

from alref_local.evaluate.run import Begun, Evaluation, evaluate

__all__ = ["Begun", "Evaluation", "evaluate"]
