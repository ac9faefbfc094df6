"""`compare` from the outside."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alref_local.compare import compare
from tests.cli.kit import call
from tests.compare.run_kit import Made, chosen, heard, write_evaluation, write_item
from tests.payloads import PAYLOADS


def made(seed: int, *texts: str, reply: str | None = None, **more: Any) -> Made:
    rng = np.random.default_rng(seed)
    both = [chosen(rng, text, str(k), reply=reply, **more) for k, text in enumerate(texts)]
    rows = {str(k): {"J&F": float(rng.random())} for k in range(len(texts))}
    return Made([result for result, _ in both], [line for _, lines in both for line in lines], rows)


def two(tmp_path: Path, ours: dict[str, Made], theirs: dict[str, Made]) -> list[Path]:
    return [
        write_evaluation(tmp_path / "gpt", ours),
        write_evaluation(tmp_path / "qwen", theirs, backend="other"),
    ]


def test_terminal_json_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command would leave out what it promises, or its forms would contradict each other."""
    runs = two(tmp_path, *({f"v{k}": made(10 * run + k, "the dog") for k in range(8)} for run in (1, 2)))
    assert call("compare", *runs, "--csv", tmp_path / "rows.csv") == 0
    told = capsys.readouterr().out
    assert "8 videos, 8 sentences" in told
    assert "more than" in told
    assert "sign-flip test over 8 videos" in told
    assert call("compare", *runs, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [run["label"] for run in found["runs"]] == ["gpt", "qwen"]
    (pair,) = found["pairs"]
    assert f"{pair['scores']['J&F']['difference']['mean']:+.3f}" in told
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["item"], row["run"]) for row in rows[:2]] == [("v0", "gpt"), ("v0", "qwen")]
    assert len(rows) == 16
    ours, theirs = (
        np.mean([float(row["J&F"]) for row in rows if row["run"] == run]) for run in ("gpt", "qwen")
    )
    assert pair["scores"]["J&F"]["difference"]["mean"] == pytest.approx(ours - theirs)
    same = [float(row["pivot_frame_as_first"]) for row in rows if row["run"] == "qwen"]
    assert pair["agreement"]["pivot_frame"]["mean"] == pytest.approx(np.mean(same))
    assert json.loads(rows[0]["frames"]) == [c.frame for c in made(10, "the dog").results[0].clips]


def test_figures_of_the_whole_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs of AVSS, whose videos have no scores, would be said to have none at all."""
    items = {f"v{k}": replace(made(k, "the dog"), rows={}) for k in range(2)}
    runs = two(tmp_path, items, items)
    for run, miou in zip(runs, (0.412, 0.385), strict=True):
        result = json.loads((run / "result.json").read_text())
        (run / "result.json").write_text(json.dumps(result | {"scores": {"mIoU": miou, "F": 0.5}}))
    assert call("compare", *runs, "--json") == 0
    (pair,) = json.loads(capsys.readouterr().out)["pairs"]
    assert (pair["scores"], pair["totals"]) == ({}, {"mIoU": [0.412, 0.385], "F": [0.5, 0.5]})
    assert call("compare", *runs) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "mIoU is a figure of the whole data set: 0.412 for gpt, 0.385 for qwen" in told
    assert "no score in common" not in told


def test_three_runs_are_compared_pair_by_pair(tmp_path: Path) -> None:
    """A third run would be left out, or each p be taken as if it were the only one."""
    runs = [
        write_evaluation(tmp_path / f"{run}", {f"v{k}": made(run * 10 + k, "the dog") for k in range(7)})
        for run in range(3)
    ]
    found = compare(runs)
    assert [(pair.a, pair.b) for pair in found.pairs] == [("0", "1"), ("0", "2"), ("1", "2")]
    assert all(pair.one_model for pair in found.pairs)
    ps = [pair.scores["J&F"] for pair in found.pairs]
    assert min(one.p_corrected for one in ps) == pytest.approx(min(1, 3 * min(one.p for one in ps)))


def test_run_folders_and_lists_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only evaluations could be compared, not what `segment` leaves."""
    single = [
        write_item(tmp_path / name / "clip", made(seed, "the dog")) for name, seed in (("a", 1), ("b", 2))
    ]
    found = compare(single)
    assert [run.label for run in found.runs] == ["a/clip", "b/clip"]
    assert found.videos == 1
    assert not found.pairs[0].scores
    assert found.pairs[0].agreement
    assert call("compare", *single) == 0
    assert "only their agreement is known" in " ".join(capsys.readouterr().out.split())
    assert compare([tmp_path / "a", tmp_path / "b"]).videos == 1


def test_what_cannot_be_compared_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures of other videos or sentences would be mixed, or one damaged folder would end it all."""
    runs = two(
        tmp_path,
        {
            "v0": made(1, "the dog"),
            "v1": made(2, "the cat"),
            "v2": made(3, "the bird"),
            "v3": made(4, "the fish"),
        },
        {"v0": made(5, "the dog"), "v1": made(6, "the black cat"), "v3": made(7, "the fish")},
    )
    (runs[1] / "items/v3/result.json").write_text("{")
    found = compare(runs)
    assert found.videos == 2
    assert found.sentences == 1
    assert {one.id: one.why.split(" at ")[0] for one in found.left_out} == {
        "v2": "only in gpt",
        "v1, 0": "not asked in the same words in all runs",
        "v3": "The run folder is damaged",
    }
    assert call("compare", *runs) == 0
    assert "3 left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing argument"),
        (["nowhere"], "holds no finished run"),
        (["run", "other"], "no video in common"),
    ],
)
def test_wrong_words(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped command would end in a traceback."""
    write_evaluation(tmp_path / "run", {"v0": made(1, "the dog")})
    write_evaluation(tmp_path / "other", {"v1": made(1, "the dog")})
    assert call("compare", *(tmp_path / word for word in words)) == 2
    assert said in capsys.readouterr().err


def test_the_drawn_world_knows_who_was_right(tmp_path: Path) -> None:
    """Where the truth is at hand, nobody would say which pivots are right."""
    runs = []
    for seed in (1, 2):
        items = {f"easy-{k}": made(seed + k, "the dog", clips=1) for k in (800_000, 800_001)}
        run = write_evaluation(tmp_path / f"{seed}", items, dataset="world")
        head = json.loads((run / "result.json").read_text())
        (run / "result.json").write_text(json.dumps({**head, "split": "easy:800000:2"}))
        runs.append(run)
    found = compare(runs)
    assert [run.right["pivot_frame"].values for run in found.runs] == [2, 2]
    assert sum(group["pivot_frame"].values for group in found.pairs[0].by["kind"].values()) == 2


def test_words_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence, a name or a category could paint the terminal, or run in a spreadsheet."""
    for word in PAYLOADS:
        folder = tmp_path / str(PAYLOADS.index(word))
        id = word.encode("utf-8", "replace").decode()
        items = [{id: made(seed, word, reply=word, heard=[heard(id)])} for seed in (1, 2)]
        runs = two(folder, *items)
        assert call("compare", *runs, "--csv", folder / "rows.csv") == 0
        told = capsys.readouterr().out
        assert not [c for c in told if c < " " and c != "\n"]
        assert "\x9b" not in told
        assert "\u202e" not in told
        with (folder / "rows.csv").open(newline="") as file:
            cells = [value for row in csv.DictReader(file) for value in (row["item"], row["sentence"])]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
        assert call("compare", *runs, "--json") == 0
        assert json.loads(capsys.readouterr().out)["videos"] == 1


def test_no_model_is_loaded() -> None:
    """A table would take the seconds of loading torch, or need it at all."""
    code = "import sys, alref_local.compare.tables as _; print('torch' in sys.modules, 'av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
