"""Archives as the benchmarks' servers take them, and the check that each must pass."""

from __future__ import annotations

from alref_local.handin.archive import write_archive
from alref_local.handin.checking import check_archive
from alref_local.handin.forms import FORMS

__all__ = ["FORMS", "check_archive", "write_archive"]
