"""Folders of masks scored against folders of masks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from alref_local.errors import AlrefError, ConfigError, MediaError
from alref_local.metrics import contour_accuracy, object_scores, region_similarity, score_folders, unscored
from alref_local.metrics.objects import Frames, Match
from alref_local.metrics.pngs import read_mask

DATA = Path(__file__).parents[2] / "../shared/data"
PREDICTIONS, TRUTH = DATA / "davis_predictions", DATA / "davis2016/Annotations"
needs_data = pytest.mark.skipif(not PREDICTIONS.is_dir(), reason="no real data at ../shared/data")


def write(path: Path, mask: NDArray[np.bool_], mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray((mask * (3 if mode == "P" else 255)).astype(np.uint8))
    if mode == "P":
        image.putpalette([0] * 768)  # every index is black: only the index tells
    elif mode != "L":
        image = image.convert(mode)
    image.save(path)


def masks(count: int, seed: int = 0, size: tuple[int, int] = (24, 32)) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random((count, *size)) > 0.6


def folder(root: Path, sequences: dict[str, NDArray[np.bool_]], mode: str = "L") -> Path:
    for name, frames in sequences.items():
        for index, frame in enumerate(frames):
            write(root / name / f"{index:05}.png", frame, mode)
    return root


@needs_data
def test_exact_against_the_official_scores() -> None:
    """J and F would differ from the published metric."""
    official = json.loads((PREDICTIONS / "reference_scores.json").read_text())["scores"]
    scores = score_folders(PREDICTIONS, TRUTH)
    assert scores["sequences"].keys() == official.keys()
    for name, row in scores["sequences"].items():
        assert row["J"] == pytest.approx(official[name]["J"], abs=1e-6)
        assert row["F"] == pytest.approx(official[name]["F"], abs=1e-6)
        assert row["J&F"] == pytest.approx((official[name]["J"] + official[name]["F"]) / 2, abs=1e-6)
    assert scores["mean"]["J"] == pytest.approx(np.mean([row["J"] for row in official.values()]), abs=1e-6)
    assert unscored(PREDICTIONS, TRUTH) == ["kite-surf", "scooter-black"]


@needs_data
def test_exact_per_frame_and_without_the_end_frames() -> None:
    """The protocol that drops the first and last frame would differ from the published metric."""
    official = json.loads((PREDICTIONS / "reference_scores.json").read_text())["scores"]
    for name, row in official.items():
        files = sorted((PREDICTIONS / name).glob("*.png"))
        ours = np.stack([read_mask(file) for file in files])
        theirs = np.stack([read_mask(TRUTH / name / file.name) for file in files])
        for letter, measure in (("J", region_similarity), ("F", contour_accuracy)):
            values = measure(ours, theirs)
            assert len(values) == row["n"]
            assert values[5] == pytest.approx(row[f"{letter}_frame5"], abs=1e-6)
            assert values[1:-1].mean() == pytest.approx(row[f"{letter}_wo_first_last"], abs=1e-6)


def test_mean_over_frames_then_over_sequences(tmp_path: Path) -> None:
    """A long sequence would outweigh a short one."""
    truth = {"long": masks(3, 1), "short": masks(1, 2)}
    found = {"long": truth["long"].copy(), "short": ~truth["short"]}
    found["long"][0] = ~found["long"][0]
    scores = score_folders(folder(tmp_path / "pred", found), folder(tmp_path / "truth", truth))
    assert list(scores) == ["sequences", "mean"]
    assert scores["sequences"]["long"]["J"] == pytest.approx(2 / 3)
    assert scores["sequences"]["short"]["J"] == 0
    assert scores["mean"]["J"] == pytest.approx(1 / 3)
    for row in (*scores["sequences"].values(), scores["mean"]):
        assert row["J&F"] == pytest.approx((row["J"] + row["F"]) / 2)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB", "RGBA"])
def test_every_kind_of_png_is_read(tmp_path: Path, mode: str) -> None:
    """Palette files or black-and-white files would be scored as empty or full masks."""
    frames = masks(2)
    pred, truth = folder(tmp_path / "p", {"a": frames}, mode), folder(tmp_path / "t", {"a": frames})
    assert score_folders(pred, truth)["mean"] == {"J": 1.0, "F": 1.0, "J&F": 1.0}


def test_one_sequence_without_subfolders(tmp_path: Path) -> None:
    """The masks of one run could not be scored by naming their folder."""
    frames = masks(2)
    folder(tmp_path, {"out/masks/the-dog": frames, "truth/dog": frames})
    scores = score_folders(tmp_path / "out/masks/the-dog", tmp_path / "truth/dog")
    assert scores["sequences"] == {"dog": {"J": 1.0, "F": 1.0, "J&F": 1.0}}


def test_frames_without_truth_are_ignored(tmp_path: Path) -> None:
    """Data sets that annotate every fifth frame could not be scored."""
    frames = masks(4)
    pred = folder(tmp_path / "pred", {"a": frames})
    write(tmp_path / "truth/a/00002.png", frames[2])
    assert score_folders(pred, tmp_path / "truth")["mean"]["J"] == 1


def labels(seed: int, count: int = 3) -> NDArray[np.uint8]:
    blocks = np.random.default_rng(seed).integers(0, 3, (count, 6, 8)).astype(np.uint8)
    return blocks.repeat(4, axis=1).repeat(4, axis=2)


def label_folder(root: Path, name: str, frames: NDArray[np.uint8], mode: str = "P") -> None:
    (root / name).mkdir(parents=True)
    for index, frame in enumerate(frames):
        image = Image.fromarray(frame)
        if mode == "P":
            image.putpalette([0] * 768)
        image.convert(mode).save(root / name / f"{index:05}.png")


@pytest.mark.parametrize("objects", ["identity", "hungarian"])
@pytest.mark.parametrize("frames", ["all", "no-first", "no-ends"])
def test_object_by_object(tmp_path: Path, objects: Match, frames: Frames) -> None:
    """Folders of several objects would be scored by other rules than their label maps."""
    pairs = {"a": (labels(1), labels(2)), "b": (labels(3), labels(4))}
    for name, (ours, theirs) in pairs.items():
        label_folder(tmp_path / "pred", name, ours)
        label_folder(tmp_path / "truth", name, theirs, "L")
    scores = score_folders(tmp_path / "pred", tmp_path / "truth", objects=objects, frames=frames)
    for name, pair in pairs.items():
        table = object_scores(*pair, match=objects, frames=frames)
        for row, number in enumerate(table.objects):
            assert scores["sequences"][f"{name}/{number}"]["J"] == pytest.approx(table.j[row].mean())
            assert scores["sequences"][f"{name}/{number}"]["F"] == pytest.approx(table.f[row].mean())
    assert scores["mean"]["J"] == pytest.approx(np.mean([row["J"] for row in scores["sequences"].values()]))


def test_ends_can_be_left_out(tmp_path: Path) -> None:
    """Frames that were given away would be scored."""
    truth = masks(3)
    found = truth.copy()
    found[[0, 2]] ^= True
    pred, true = folder(tmp_path / "p", {"a": found}), folder(tmp_path / "t", {"a": truth})
    assert score_folders(pred, true)["mean"]["J"] == pytest.approx(1 / 3)
    assert score_folders(pred, true, frames="no-ends")["mean"]["J"] == 1


def test_several_workers_give_the_same_scores(tmp_path: Path) -> None:
    """A faster machine would print other figures."""
    names = ["c", "a", "b"]
    pred = folder(tmp_path / "p", {name: masks(2, seed) for seed, name in enumerate(names)})
    truth = folder(tmp_path / "t", {name: masks(2, 9) for name in names})
    alone, together = score_folders(pred, truth), score_folders(pred, truth, workers=2)
    assert together == alone
    assert list(together["sequences"]) == ["a", "b", "c"]


def test_an_error_of_a_worker_is_the_same_sentence(tmp_path: Path) -> None:
    """With several workers a bad folder would end in a traceback."""
    pred = folder(tmp_path / "p", {"a": masks(1), "b": masks(1)})
    truth = folder(tmp_path / "t", {"a": masks(2), "b": masks(1)})
    with pytest.raises(ConfigError, match="of a lacks 1 of 2 frames") as caught:
        score_folders(pred, truth, workers=2)
    assert caught.value.hint


def test_colours_are_no_numbers(tmp_path: Path) -> None:
    """A coloured rendering would be taken for objects."""
    label_folder(tmp_path / "pred", "a", labels(1))
    label_folder(tmp_path / "truth", "a", labels(1), "RGB")
    with pytest.raises(MediaError, match="holds colours"):
        score_folders(tmp_path / "pred", tmp_path / "truth", objects="identity")


def test_truth_without_objects_is_said(tmp_path: Path) -> None:
    """The mean of nothing would be NaN."""
    label_folder(tmp_path / "pred", "a", labels(1))
    label_folder(tmp_path / "truth", "a", labels(1) * 0)
    with pytest.raises(ConfigError, match="holds no object"):
        score_folders(tmp_path / "pred", tmp_path / "truth", objects="hungarian")


def test_binary_masks_are_no_label_maps(tmp_path: Path) -> None:
    """Masks of 0 and 255, as a run writes them, would score 0 without a word."""
    label_folder(tmp_path / "pred", "a", (labels(1) > 0) * np.uint8(255), "L")
    label_folder(tmp_path / "truth", "a", labels(1))
    with pytest.raises(ConfigError, match="only 255") as caught:
        score_folders(tmp_path / "pred", tmp_path / "truth", objects="identity")
    assert "--objects union" in caught.value.hint


def nothing_in_common(root: Path) -> None:
    folder(root, {"pred/a": masks(1), "truth/b": masks(1)})


def mixed_layouts(root: Path) -> None:
    folder(root, {"pred": masks(1), "truth/b": masks(1)})


def missing_frames(root: Path) -> None:
    folder(root, {"pred/a": masks(2), "truth/a": masks(3)})


def no_truth_folder(root: Path) -> None:
    folder(root, {"pred/a": masks(1)})


def no_png(root: Path) -> None:
    folder(root, {"truth/a": masks(1)})
    (root / "pred/a").mkdir(parents=True)
    (root / "pred/a/00000.txt").write_text("not a mask")


def two_sizes(root: Path) -> None:
    folder(root, {"pred/a": masks(1, size=(8, 9)), "truth/a": masks(1, size=(9, 8))})


def not_an_image(root: Path) -> None:
    folder(root, {"pred/a": masks(1), "truth/a": masks(1)})
    (root / "pred/a/00000.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (nothing_in_common, ConfigError, "no sequence in common"),
        (mixed_layouts, ConfigError, "no sequence in common"),
        (missing_frames, ConfigError, "of a lacks 1 of 3 frames, first 00002.png"),
        (no_truth_folder, ConfigError, "is not a folder"),
        (no_png, ConfigError, "holds no PNG masks"),
        (two_sizes, MediaError, "is 9x8, but the truth is 8x9"),
        (not_an_image, MediaError, "cannot be read"),
    ],
)
def test_bad_folders_are_one_sentence(
    tmp_path: Path, make: Callable[[Path], None], error: type[AlrefError], says: str
) -> None:
    """A wrong folder would end in a traceback, or worse, in a score."""
    make(tmp_path)
    with pytest.raises(error, match=says) as caught:
        score_folders(tmp_path / "pred", tmp_path / "truth")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
