"""The run folder: what a run leaves on disk, and how it is read back."""

from __future__ import annotations

from alref_local.runs.folder import RunFolder
from alref_local.runs.reader import Run, open_run

__all__ = ["Run", "RunFolder", "open_run"]
