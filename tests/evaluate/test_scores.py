"""Scores of run folders whose masks are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from alref_local.datasets import DATASETS, Item
from alref_local.errors import MediaError
from alref_local.evaluate.scores import ItemScores, score_item
from alref_local.evaluate.totals import figures, intervals
from tests.datasets.miniatures import MINIATURES, blocks
from tests.evaluate.run_kit import Chosen, items_of, perfect, write_run

CATEGORIES = {"background": 0, "accordion": 1, "piano": 70}


def scored(name: str, tmp_path: Path, mask: Chosen = perfect, split: str = "") -> list[ItemScores]:
    items = items_of(name, tmp_path / "data", split)
    pairs = [(item, write_run(item, tmp_path / "run" / str(n), mask)) for n, item in enumerate(items)]
    return [score_item(pair, DATASETS[name].metric, CATEGORIES) for pair in pairs]


def nothing(item: Item, reference: str, frame: str) -> NDArray[np.bool_] | None:
    return None


@pytest.mark.parametrize("name", [name for name in MINIATURES if name != "avs-avss"])
def test_perfect_masks(name: str, tmp_path: Path) -> None:
    """The truth itself would not get full marks."""
    found = figures(scored(name, tmp_path))
    exact = {"J&F", "J", "F", "J&F by number", "M_J", "M_F paper", "N-acc", "T-acc"} & found.keys()
    assert exact
    assert {name: found[name] for name in exact} == dict.fromkeys(exact, 1.0)


@pytest.mark.parametrize(
    ("name", "split", "expected"),
    [
        ("ref-youtube-vos", "", {"J&F": 0.0, "J": 0.0, "F": 0.0}),
        ("ref-davis17", "", {"J&F": 0.0, "J": 0.0, "F": 0.0, "J&F by number": 0.0}),
        ("mevis", "", {"J&F": 1 / 3, "J": 1 / 3, "F": 1 / 3, "N-acc": 1.0, "T-acc": 0.0}),
        ("mevis", "valid", {}),
        ("ref-avs", "test_n", {"S": 0.0, "N-acc": 1.0}),
        ("own", "", {"J&F": 0.0, "J": 0.0, "F": 0.0}),
    ],
)
def test_no_masks(name: str, split: str, expected: dict[str, float], tmp_path: Path) -> None:
    """Nothing found would count as something, or a sentence without target against the method that found none."""
    assert figures(scored(name, tmp_path, nothing, split)) == pytest.approx(expected)


def test_silent_frames_of_ms3(tmp_path: Path) -> None:
    """The rules of M_J and M_F for frames in which nothing sounds would be mixed up."""
    found = figures(scored("avs-ms3", tmp_path, nothing))
    # One of five frames is silent, and rightly empty.
    assert found["M_J"] == pytest.approx(0.2)
    assert found["M_F paper"] == pytest.approx(0.2)
    share = blocks(2).astype(bool).mean()
    assert found["M_F avsbench"] == pytest.approx(1.3 * share / (0.3 * share + 1), abs=1e-3)
    assert found["M_F released"] == pytest.approx(0.8 * found["M_F avsbench"], abs=1e-3)


@pytest.mark.parametrize(("wide", "j", "f"), [(32, 0.5, 0.65 / 1.15), (0, 0.0, 0.325 / 1.075)])
def test_rules_of_ref_avs(wide: int, j: float, f: float, tmp_path: Path) -> None:
    """J and F would be those of sentences without sound, which nobody has published of Ref-AVS."""

    def left(item: Item, reference: str, frame: str) -> NDArray[np.bool_]:
        return np.broadcast_to(np.arange(64) < wide, (48, 64))

    data = tmp_path / "data"
    (item,) = items_of("ref-avs", data)
    for k in range(10):  # a quarter is meant, and nothing in the first frame
        truth = np.broadcast_to(255 * ((np.arange(64) < 16) & (k > 0)), (48, 64)).astype(np.uint8)
        Image.fromarray(truth).save(data / f"gt_mask/{item.id}/fid_0/{k:05}.png")
    row = scored("ref-avs", tmp_path, left)[0].rows[item.references[0].id]
    assert row["J"] == pytest.approx(0.9 * j + 0.1 * (1 - wide / 64))  # of the black frame, what is left free
    assert row["F"] == pytest.approx(f)  # of the mask, or of the whole picture
    assert row["J&F"] == pytest.approx((row["J"] + row["F"]) / 2)


def test_order_of_avsbench(tmp_path: Path) -> None:
    """Batches of videos are part of AVSBench's rule, so results could not be compared if the order was any."""
    one, two = scored("avs-ms3", tmp_path)
    assert one.frames is not None
    poor = ItemScores("poor", "", frames=one.frames._replace(f=one.frames.f / 2))
    assert figures([poor, one, one, one, two])["M_F avsbench"] != pytest.approx(
        figures([one, one, one, two, poor])["M_F avsbench"]
    )


def test_swapped_objects_of_davis(tmp_path: Path) -> None:
    """Objects of Ref-DAVIS17 would not be matched as its evaluation does, or their numbers would not be told."""

    def swapped(item: Item, reference: str, frame: str) -> NDArray[np.bool_] | None:
        (one,) = [one for one in item.references if one.id == reference]
        assert item.truth is not None
        return np.equal(item.truth.read(frame, (48, 64)), 3 - one.object)

    first = scored("ref-davis17", tmp_path, swapped)[0]
    assert set(first.rows) == {f"anno_{a}/{o}" for a in range(4) for o in (1, 2)}
    assert figures([first])["J&F"] == 1.0
    assert figures([first])["J&F by number"] == 0.0


def test_categories_of_avss(tmp_path: Path) -> None:
    """What was heard would be painted with another category's number, or not at all."""
    items = items_of("avs-avss", tmp_path / "data")
    upper, lower = blocks(0) == 1, blocks(0) == 2
    names = {"the Accordion": upper, "pianos": lower, "unicorn": ~upper}
    folders = [write_run(item, tmp_path / str(n), nothing, names) for n, item in enumerate(items)]
    scores = [score_item(pair, "mIoU", CATEGORIES) for pair in zip(items, folders, strict=True)]
    classes = scores[0].classes
    assert classes is not None
    assert set(np.flatnonzero(classes.frames)) == {0, 1, 70}
    assert classes.iou[1] >= 1  # the first frame's block is hit, later it moves away
    assert classes.iou[70] >= 1
    assert [one.part for one in scores] == ["v1m", "v2"]
    assert set(figures(scores)) == {"mIoU", "F", "mIoU without background", "F without background"}


def test_intervals(tmp_path: Path) -> None:
    """A figure would be trusted more than its videos allow."""

    def half(item: Item, reference: str, frame: str) -> NDArray[np.bool_] | None:
        return perfect(item, reference, frame) if item.id == "0a1b" else None

    scores = scored("ref-youtube-vos", tmp_path, half)
    found = intervals(scores)
    assert set(found) == {"J&F", "J", "F"}
    assert found["J&F"] == [0.0, 1.0]
    assert figures(scores)["J&F"] == pytest.approx(2 / 3)  # two of three sentences
    assert intervals(scores[:1]) == {}


def test_frames_of_another_video(tmp_path: Path) -> None:
    """Masks with wrong names would be scored against other frames, or end in a traceback."""
    items = items_of("own", tmp_path / "data")
    (tmp_path / "data/truth/street/001.png").rename(tmp_path / "data/truth/street/1.png")
    items = items_of("own", tmp_path / "data")
    with pytest.raises(MediaError, match="has a frame 1, which its video has not"):
        score_item((items[0], write_run(items[0], tmp_path / "run", nothing)), "J&F", {})
