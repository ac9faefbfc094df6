"""AudioSet's 527 labels (Gemmeke et al. 2017, research.google.com/audioset, CC BY 4.0)."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["SILENCE", "audioset_names", "name_of"]

SILENCE: Final = "Silence"


def audioset_names() -> tuple[str, ...]:
    """Display names such as ``Chirp, tweet``, in AudioSet's own order."""
    return tuple(_by_id().values())


def name_of(mid: str) -> str:
    """The display name of an ontology id such as ``/m/028v0c``; what is no id of AudioSet's is its own name."""
    return _by_id().get(mid, mid)


@cache
def _by_id() -> dict[str, str]:
    table = Path(__file__).with_name("audioset.csv")
    with table.open(encoding="utf-8", newline="") as lines:
        return {row["mid"]: row["name"] for row in csv.DictReader(lines)}
