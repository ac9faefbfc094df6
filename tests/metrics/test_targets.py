"""N-acc and T-acc."""

from __future__ import annotations

import math

import pytest

from alref_local.metrics import target_accuracy


def test_by_hand() -> None:
    """Silence where something is meant would count as knowing that nothing is, or the other way round."""
    answered = [True, False, True, False, False]
    real = [True, True, True, False, False]
    found = target_accuracy(answered, real)
    assert found.t_acc == pytest.approx(2 / 3)
    assert found.n_acc == 1
    assert target_accuracy([True], [False]) == pytest.approx((0, math.nan), nan_ok=True)


def test_without_such_sentences_there_is_no_figure() -> None:
    """MeViS v1 would seem to have no-target sentences."""
    assert math.isnan(target_accuracy([True], [True]).n_acc)


def test_every_sentence_needs_an_answer() -> None:
    """Answers would be counted for the wrong sentences."""
    with pytest.raises(ValueError, match="1 answers to 2"):
        target_accuracy([True], [True, False])
