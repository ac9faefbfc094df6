"""Masks of runs in the published forms of other tools."""

from __future__ import annotations

from alref_local.export.export import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]
