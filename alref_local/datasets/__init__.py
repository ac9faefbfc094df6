"""Published data sets, and people's own, in one form."""

from __future__ import annotations

from alref_local.datasets.catalogue import DATASETS, find_dataset, load_items
from alref_local.datasets.checking import Checked, check
from alref_local.datasets.item import Dataset, Drawn, Item, Reference, Truth

__all__ = [
    "DATASETS",
    "Checked",
    "Dataset",
    "Drawn",
    "Item",
    "Reference",
    "Truth",
    "check",
    "find_dataset",
    "load_items",
]
