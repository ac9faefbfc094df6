"""All data sets by name, and their items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from alref_local.datasets.avsbench_object import AVS_MS3, AVS_S4
from alref_local.datasets.avsbench_semantic import AVS_V2_BINARY, AVSS
from alref_local.datasets.drawn_world import DRAWN_WORLD
from alref_local.datasets.item import Dataset, Item
from alref_local.datasets.mevis import MEVIS
from alref_local.datasets.own import OWN
from alref_local.datasets.ref_avs import REF_AVS
from alref_local.datasets.ref_davis17 import REF_DAVIS17
from alref_local.datasets.ref_youtube_vos import REF_YOUTUBE_VOS
from alref_local.datasets.source import AnnotationsError, Source
from alref_local.errors import ConfigError

__all__ = ["DATASETS", "find_dataset", "load_items"]

DATASETS: Final = {
    one.name: one
    for one in (
        REF_YOUTUBE_VOS,
        REF_DAVIS17,
        MEVIS,
        AVS_S4,
        AVS_MS3,
        AVSS,
        AVS_V2_BINARY,
        REF_AVS,
        DRAWN_WORLD,
        OWN,
    )
}


def find_dataset(name: str) -> Dataset:
    """The data set of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in DATASETS:
        raise ConfigError(f"There is no data set '{name[:60]}'.", hint=f"There are {', '.join(DATASETS)}.")
    return DATASETS[name]


def load_items(name: str, root: Path, split: str = "") -> list[Item]:
    """All items of a split; pictures are not looked at.

    Args:
        name: of the data set.
        root: its folder.
        split: by default the one that is evaluated.

    Raises:
        ConfigError: there is no such data set, or its annotations cannot be used.
    """
    dataset = find_dataset(name)
    split = split or next(iter(dataset.splits))
    items = list(dataset.read(Source(root), split))
    if not items:
        raise AnnotationsError([f"{root} holds no video of the split '{split[:60]}'."])
    twice = _twice(item.id for item in items)
    for item in items:
        twice += [f"{id} of {item.id}" for id in _twice(one.id for one in item.references)]
    if twice:
        raise AnnotationsError([f"{name} is listed twice." for name in twice])
    return items


def _twice(ids: Iterable[str]) -> list[str]:
    return [id for id, times in Counter(ids).items() if times > 1]
