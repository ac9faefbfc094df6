"""Runs over published data sets, whose sentences, scores and truth are laid out in different ways."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from alref_local.compare import compare
from alref_local.compare.runs import open_runs
from alref_local.compare.scan import Walk, main_score
from alref_local.datasets import DATASETS, Item
from alref_local.evaluate.names import folder_names
from alref_local.evaluate.scores import score_item
from alref_local.report import report
from tests.datasets.miniatures import MINIATURES
from tests.evaluate.run_kit import Chosen, items_of, perfect, write_run


def nothing(item: Item, reference: str, frame: str) -> NDArray[np.bool_] | None:
    return np.zeros((48, 64), np.bool_)


def evaluation(name: str, root: Path, folder: Path, mask: Chosen) -> Path:
    """What an evaluation of a miniature leaves."""
    items = items_of(name, root)
    names = folder_names(item.id for item in items)
    categories = {f"c{number}": number for number in range(1, 71)}
    rows = {}
    for item in items:
        run = write_run(item, folder / "items" / names[item.id], mask)
        rows[item.id] = score_item((item, run), DATASETS[name].metric, categories).rows
    split = next(iter(DATASETS[name].splits))
    (folder / "result.json").write_text(json.dumps({"dataset": name, "split": split, "rows": rows}))
    return folder


def test_a_sentence_is_not_right_by_the_mask_of_another(tmp_path: Path) -> None:
    """Ref-DAVIS17 matches objects: whoever mixed them up would be right about every sentence."""

    def swapped(item: Item, reference: str, frame: str) -> NDArray[np.bool_]:
        (one,) = [one for one in item.references if one.id == reference]
        assert item.truth is not None
        return np.equal(item.truth.read(frame, (48, 64)), 3 - one.object)

    root = tmp_path / "data"
    runs = open_runs([evaluation("ref-davis17", root, tmp_path / "run", swapped)])
    swan = next(iter(Walk(runs, root)))
    rows = [swan.score(0, sentence) for sentence in swan.sentences]
    assert [row and row["J&F"] for row in rows] == [1.0] * 8
    assert [main_score(row) for row in rows] == [0.0] * 8


@pytest.mark.parametrize("name", list(MINIATURES))
def test_every_layout(name: str, tmp_path: Path) -> None:
    """A data set could be evaluated, but its runs not compared; or a sentence would get the score of another."""
    root = tmp_path / "data"
    runs = [
        evaluation(name, root, tmp_path / kind, mask)
        for kind, mask in (("perfect", perfect), ("nothing", nothing))
    ]
    for known in (None, root):
        found = compare(runs, root=known)
        assert found.videos == len(items_of(name, root))
        assert found.sentences == sum(len(item.references) for item in items_of(name, root))
        assert not found.left_out
        (pair,) = found.pairs
        assert all(one.a >= one.b or score == "S" for score, one in pair.scores.items())
        assert ("J&F" in pair.scores or "M_J" in pair.scores) == bool(pair.scores)
    walk = Walk(open_runs(runs), root)
    for item in walk:
        for sentence in item.sentences:
            row = item.score(0, sentence)
            if row and "J&F" in row:
                assert row["J&F"] == pytest.approx(1.0), (item.id, sentence.id)
            if sentence.judge is not None:
                seen = [
                    sentence.judge.mask(item.runs[0].video, frame)
                    for frame in range(len(item.runs[0].video.frame_names))
                ]
                assert any(mask is not None for mask in seen)
    page, _ = report(runs, tmp_path / "report", root=root)
    assert page.is_file()
