"""M_J, the three M_F, and S of Ref-AVS, by hand and against a literal reading of AVSBench's curve."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from alref_local.metrics import M_F, contour_accuracy, frame_scores, m_j, null_s
from alref_local.metrics.avs import avsbench_f, released_f

Mask = NDArray[np.bool_]
videos = st.lists(
    st.tuples(hnp.arrays(np.bool_, (2, 4, 5)), hnp.arrays(np.bool_, (2, 4, 5))), min_size=1, max_size=9
)


def f_beta(mask: Mask, truth: Mask) -> float:
    hits = float((mask & truth).sum())
    precision, recall = hits / (mask.sum() + 1e-20), hits / (truth.sum() + 1e-20)
    return 1.3 * precision * recall / (0.3 * precision + recall) if hits else 0.0


def curve(mask: Mask, truth: Mask) -> NDArray[np.float64]:
    """F at 255 thresholds from 0 to 1 of a mask whose values are 0 and 1."""
    return np.array([f_beta(mask.astype(float) >= level, truth) for level in np.linspace(0, 1 - 1e-10, 255)])


@pytest.mark.parametrize(
    ("mask", "truth", "iou", "f"),
    [
        ("1100", "1100", 1.0, 1.0),
        ("1110", "1100", 2 / 3, 1.3 * (2 / 3) / (0.3 * (2 / 3) + 1)),
        ("0011", "1100", 0.0, 0.0),
        ("0000", "1100", 0.0, 0.0),
        ("0000", "0000", 1.0, 0.0),
        ("1000", "0000", 0.75, 0.0),
        ("1111", "0000", 0.0, 0.0),
    ],
)
def test_a_frame_by_hand(mask: str, truth: str, iou: float, f: float) -> None:
    """M_J or F of a frame would not be AVSBench's, silent frames above all."""
    ours, theirs = (np.array([[[letter == "1" for letter in row]]]) for row in (mask, truth))
    scores = frame_scores(ours, theirs)
    assert scores.iou[0] == pytest.approx(iou)
    assert scores.f[0] == pytest.approx(f)
    assert scores.sounding[0] == ("1" in truth)


@settings(max_examples=25, deadline=None)
@given(videos, st.integers(1, 4))
def test_avsbench_f_is_the_maximum_of_a_batchs_mean_curve(found: list[tuple[Mask, Mask]], batch: int) -> None:
    """M_F could not be compared with AVSBench's tables."""
    figures = []
    for at in range(0, len(found), batch):
        frames = [pair for video in found[at : at + batch] for pair in zip(*video, strict=True)]
        curves = [curve(mask, truth) for mask, truth in frames if truth.any()]
        figures.append(np.mean(curves, axis=0).max() if curves else 0.0)
    scores = [frame_scores(*video) for video in found]
    assert avsbench_f(scores, batch) == pytest.approx(np.mean(figures), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(videos)
def test_released_f_takes_every_frame_by_itself(found: list[tuple[Mask, Mask]]) -> None:
    """The figures that the released code prints could not be had."""
    frames = [pair for video in found for pair in zip(*video, strict=True)]
    expected = np.mean([curve(mask, truth).max() if truth.any() else 0.0 for mask, truth in frames])
    assert released_f([frame_scores(*video) for video in found]) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(videos)
def test_m_j_and_the_papers_f_are_means_over_frames(found: list[tuple[Mask, Mask]]) -> None:
    """Short videos would outweigh long ones, or M_F be another form than its name says."""
    scores = [frame_scores(*video) for video in found]
    assert m_j(scores) == pytest.approx(np.concatenate([one.iou for one in scores]).mean())
    expected = np.concatenate([contour_accuracy(*video) for video in found]).mean()
    assert M_F["paper"](scores) == pytest.approx(expected)
    assert M_F["avsbench"](scores) == avsbench_f(scores, 4)
    assert M_F["released"](scores) == released_f(scores)


@pytest.mark.parametrize(("share", "f"), [(0.2, 0.245), (0.5, 0.565)])
def test_an_empty_mask_scores_as_the_whole_picture(share: float, f: float) -> None:
    """What the released rule gives for nothing would be hidden."""
    truth = np.arange(100).reshape(1, 10, 10) < 100 * share
    scores = [frame_scores(np.zeros_like(truth), truth)]
    assert released_f(scores) == pytest.approx(f, abs=5e-4)
    assert avsbench_f(scores) == pytest.approx(f, abs=5e-4)


def test_the_batch_matters() -> None:
    """Two people would print two figures for the same masks and not know why."""
    truth = np.arange(100).reshape(1, 10, 10) < 60
    wrong, right = frame_scores(~truth, truth), frame_scores(truth, truth)
    assert avsbench_f([wrong, right], 1) > avsbench_f([wrong, right], 2)


def test_no_video_is_no_figure() -> None:
    """An empty run would look like a bad one."""
    assert math.isnan(m_j([]))
    assert all(math.isnan(form([])) for form in M_F.values())


def test_shapes_must_agree() -> None:
    """Masks of two sizes would be compared as if they fitted."""
    with pytest.raises(ValueError, match="shape"):
        frame_scores(np.zeros((1, 2, 3), np.bool_), np.zeros((1, 3, 2), np.bool_))


def test_null_s_is_the_root_of_the_share() -> None:
    """Masks drawn where nothing is meant would weigh less or more than in Ref-AVS."""
    mask = np.zeros((2, 10, 10), np.bool_)
    assert null_s(mask) == 0
    mask[0, :2, :4] = True
    assert null_s(mask) == pytest.approx(math.sqrt(8 / 200))
