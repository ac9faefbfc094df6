"""The figures of a comparison against the run folders, read and added up in another way."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from alref_local.compare import compare
from tests.compare.run_kit import Made, chosen, heard, write_evaluation

ITEMS = [f"video {k}" for k in range(9)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs of nine videos, one or two sentences each; the first asks every question three times."""
    folders = []
    for seed, repeat in ((1, 3), (2, 1)):
        rng = np.random.default_rng(seed)
        items = {}
        for number, id in enumerate(ITEMS):
            asked = [("0", "the dog"), ("1", "the dog that jumps over the small red ball")][: 1 + number % 2]
            of = heard("dog", *["train"] * (seed == 1 and number % 3 == 0))
            made = [
                chosen(
                    rng,
                    text,
                    ref,
                    clips=1 + number % 3,
                    repeat=repeat,
                    item=id,
                    heard=[of] if ref == "0" else [],
                )
                for ref, text in asked
            ]
            rows = {ref: {"J": (j := float(rng.random())), "F": j / 2, "J&F": j * 0.75} for ref, _ in asked}
            calls = [line for _, lines in made for line in lines]
            items[id] = Made([result for result, _ in made], calls, rows, seconds=float(rng.random()))
        folder = tmp_path_factory.mktemp("runs") / f"run{seed}"
        folders.append(write_evaluation(folder, items, repeat=repeat))
    return folders[0], folders[1]


def raw(run: Path) -> dict[str, Any]:
    """What a run folder holds, by video."""
    rows = json.loads((run / "result.json").read_text())["rows"]
    found = {}
    for id, folder in zip(
        rows, sorted((run / "items").iterdir()), strict=True
    ):  # the ids sort as their folders do
        calls = [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]
        result, masks = (json.loads((folder / name).read_text()) for name in ("result.json", "masks.json"))
        found[id] = {"rows": rows[id], "calls": calls, "result": result, "masks": masks}
    return found


def decoded(masks: Any, reference: str) -> Any:
    """``(T, H, W)``: all tracks of a reference."""
    (category,) = [one["id"] for one in masks["categories"] if one["reference"] == reference]
    whole = np.zeros((12, 48, 64), bool)
    for track in masks["annotations"]:
        if track["category_id"] == category:
            for frame, one in enumerate(track["segmentations"]):
                whole[frame] |= coco.decode(one).astype(bool) if one else False
    return whole


def iou(a: list[float], b: list[float]) -> float:
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def agreements(ours: Any, theirs: Any) -> dict[str, list[float]]:
    values: dict[str, list[float]] = defaultdict(list)
    for id in ITEMS:
        for a, b in zip(ours[id]["result"]["references"], theirs[id]["result"]["references"], strict=True):
            for x, y in zip(a["clips"], b["clips"], strict=True):
                frames = x["clip"]["frames"]
                places = frames.index(x["frame"]), frames.index(y["frame"])
                if len(frames) > 1:
                    values["pivot_frame"].append(places[0] == places[1])
                    values["pivot_frame_near"].append(abs(places[0] - places[1]) < 2)
                if places[0] == places[1]:
                    boxes = [[one["box"] for one in side["pivots"]] for side in (x, y)]
                    values["pivot_box"].append(boxes[0] == boxes[1])
                    if boxes[0] or boxes[1]:
                        values["pivot_box_iou"].append(iou(boxes[0][0], boxes[1][0]) if all(boxes) else 0)
            for x, y in zip(a["heard"], b["heard"], strict=True):
                mine, its = set(x["categories"]), set(y["categories"])
                values["references"].append(mine == its)
                values["references_iou"].append(len(mine & its) / len(mine | its))
            p, q = (decoded(one["masks"], a["id"]) for one in (ours[id], theirs[id]))
            shares = [
                (m & n).sum() / (m | n).sum() if (m | n).any() else 1 for m, n in zip(p, q, strict=True)
            ]
            values["masks"].append(float(np.mean(shares)))
    return values


def test_agreement_and_scores(runs: tuple[Path, Path]) -> None:
    """Figures in a paper would not be those of the runs."""
    found = compare(runs)
    (pair,) = found.pairs
    ours, theirs = map(raw, runs)
    expected = agreements(ours, theirs)
    assert {name: one.mean for name, one in pair.agreement.items()} == pytest.approx(
        {name: np.mean(values) for name, values in expected.items()}
    )
    assert {name: one.values for name, one in pair.agreement.items()} == {
        n: len(v) for n, v in expected.items()
    }
    scored = {
        name: [
            (ours[id]["rows"][ref][name], theirs[id]["rows"][ref][name], id)
            for id in ITEMS
            for ref in ours[id]["rows"]
        ]
        for name in ("J", "F", "J&F")
    }
    for name, triples in scored.items():
        a, b, _ = zip(*triples, strict=True)
        one = pair.scores[name]
        assert (one.a, one.b) == pytest.approx((np.mean(a), np.mean(b)))
        assert one.difference.mean == pytest.approx(np.mean(np.subtract(a, b)))
        # All 512 ways of flipping videos, and a bootstrap of another kind.
        sums = [sum(x - y for x, y, video in triples if video == id) for id in ITEMS]
        signs = 2 * ((np.arange(512)[:, None] >> np.arange(9)) & 1) - 1
        assert one.p == np.mean(np.abs(signs @ np.array(sums)) >= abs(sum(sums)) - 1e-9)
        rng, sizes = np.random.default_rng(7), [len(ours[id]["rows"]) for id in ITEMS]
        drawn = rng.integers(0, 9, (20_000, 9))
        means = np.array(sums)[drawn].sum(1) / np.array(sizes)[drawn].sum(1)
        low, high = np.quantile(means, [0.0072, 0.9928])  # the level that nine videos need
        assert (one.difference.low, one.difference.high) == pytest.approx((low, high), abs=0.02)
    assert [one.scores["J&F"].mean for one in found.runs] == pytest.approx(
        [pair.scores["J&F"].a, pair.scores["J&F"].b]
    )


def test_where_they_disagree(runs: tuple[Path, Path]) -> None:
    """Sentences would be missing from the list, or the wrong run would be called right."""
    (pair,) = compare(runs).pairs
    ours, theirs = map(raw, runs)
    cases = {"both": 0, "only_a": 0, "only_b": 0, "neither": 0}
    gaps = []
    for id in ITEMS:
        for a, b in zip(ours[id]["result"]["references"], theirs[id]["result"]["references"], strict=True):
            other = any(
                x["frame"] != y["frame"] or [p["box"] for p in x["pivots"]] != [p["box"] for p in y["pivots"]]
                for x, y in zip(a["clips"], b["clips"], strict=True)
            )
            if other or [one["categories"] for one in a["heard"]] != [
                one["categories"] for one in b["heard"]
            ]:
                p, q = (one[id]["rows"][a["id"]]["J&F"] for one in (ours, theirs))
                gaps.append((abs(p - q), id, a["id"]))
                cases[
                    {(1, 1): "both", (1, 0): "only_a", (0, 1): "only_b", (0, 0): "neither"}[
                        p >= 0.5, q >= 0.5
                    ]
                ] += 1
    assert pair.disagreeing == len(gaps) > 5
    told = pair.right["masks"]
    assert {name: getattr(told, name) for name in cases} == cases
    assert [(one.item, one.reference) for one in pair.disagreements] == [
        one[1:] for one in sorted(gaps, reverse=True)
    ]


def test_what_it_took_and_how_it_spread(runs: tuple[Path, Path]) -> None:
    """A bill or a retry rate would be wrong, or the noise of one model."""
    found = compare(runs)
    for summary, run in zip(found.runs, map(raw, runs), strict=True):
        lines = [line for one in run.values() for line in one["calls"]]
        took = summary.asked.took
        assert took.prompt_tokens == 100 * len(lines)
        assert took.dollars == pytest.approx(0.001 * len(lines))
        assert summary.asked.seconds == pytest.approx(0.25 * len(lines))
        assert summary.asked.invalid == sum(line["error"] is not None for line in lines) > 0
        sent: dict[Any, int] = defaultdict(int)
        for id, one in run.items():
            for line in one["calls"]:
                sent[id, json.dumps(line["address"])] += 1
        assert summary.asked.retry_rate == pytest.approx(np.mean([times > 1 for times in sent.values()]))
    samples: dict[Any, list[int]] = defaultdict(list)
    for id, one in raw(runs[0]).items():
        for line in one["calls"]:
            if line["answer"] and line["address"]["step"] == "pivot_frame":
                samples[id, line["address"]["reference"], line["address"]["clip"]].append(
                    int(line["answer"][0])
                )
    shares = [np.mean([a == b for a, b in combinations(some, 2)]) for some in samples.values()]
    assert found.runs[0].within["pivot_frame"].mean == pytest.approx(np.mean(shares))
    assert not found.runs[1].within
    times = [json.loads((run / "timings.json").read_text())["items"].values() for run in runs]
    assert [one.seconds for one in found.runs] == pytest.approx(
        [sum(o["seconds"] for o in some) for some in times]
    )


def test_broken_down(runs: tuple[Path, Path]) -> None:
    """A row of a table would be about other sentences than it says."""
    (pair,) = compare(runs).pairs
    ours, theirs = map(raw, runs)
    differences: dict[str, list[float]] = defaultdict(list)
    exact: dict[str, list[bool]] = defaultdict(list)
    for id in ITEMS:
        for a, b in zip(ours[id]["result"]["references"], theirs[id]["result"]["references"], strict=True):
            length = "1-3" if len(a["text"].split()) < 4 else "7-10"
            differences[length].append(ours[id]["rows"][a["id"]]["J"] - theirs[id]["rows"][a["id"]]["J"])
            for x, y in zip(a["clips"], b["clips"], strict=True):
                exact[str(len(x["clip"]["frames"]))].append(x["frame"] == y["frame"])
    assert {name: group["J"].mean for name, group in pair.by["words"].items()} == pytest.approx(
        {name: np.mean(values) for name, values in differences.items()}
    )
    assert {
        name: group["pivot_frame"].mean for name, group in pair.by["sampled frames"].items()
    } == pytest.approx({name: np.mean(values) for name, values in exact.items()})
    assert set(pair.by["candidates"]) == {"1", "2", "3"}
    (whole,) = compare([runs[0], runs[0]]).pairs
    assert whole.disagreeing == 0
    assert {one.mean for one in whole.agreement.values()} == {1.0}
