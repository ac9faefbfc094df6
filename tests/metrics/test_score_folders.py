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
from alref_local.metrics import contour_accuracy, region_similarity, score_folders, unscored
from alref_local.metrics.folders import read_mask

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
