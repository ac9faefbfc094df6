"""The page about data sets says what the readers read."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.datasets import DATASETS

PAGE = (Path(__file__).parents[2] / "docs/datasets.md").read_text()


@pytest.mark.parametrize("name", DATASETS)
def test_layouts_are_those_of_the_readers(name: str) -> None:
    """People would lay out their files in a way that nothing reads."""
    _, _, section = PAGE.partition(f"\n### {name}\n")
    said, tree, *_ = section.split("```")
    assert tree.strip() == DATASETS[name].layout.strip()
    for split in DATASETS[name].splits:
        assert split in said or name == "own"
