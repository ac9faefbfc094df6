"""A page about runs that opens from disk: figures first, then every sentence with what each run saw, said and chose."""

from __future__ import annotations

from alref_local.report.build import report

__all__ = ["report"]
