"""Bootstrap intervals, and Student's for paired differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alref_local.metrics import bootstrap, gain
from alref_local.metrics.intervals import level_for

scores = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(scores)
def test_the_mean_lies_inside_and_the_interval_in_the_values(values: list[float]) -> None:
    """An interval would not belong to its figure."""
    found = bootstrap(values, draws=200)
    assert found.mean == pytest.approx(np.mean(values))
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


@given(scores)
def test_a_group_each_is_no_group(values: list[float]) -> None:
    """Naming the videos would change the interval where each has one sentence."""
    assert bootstrap(values, range(len(values)), draws=200) == bootstrap(values, draws=200)


def test_close_to_the_normal_interval_of_many_values() -> None:
    """Intervals would be too narrow or too wide."""
    values = np.random.default_rng(0).normal(0.5, 0.1, 400).tolist()
    found = bootstrap(values)
    half = 1.96 * np.std(values) / 20
    assert found.low == pytest.approx(found.mean - half, abs=half / 10)
    assert found.high == pytest.approx(found.mean + half, abs=half / 10)
    wider = bootstrap(values, level=0.99)
    assert wider.low < found.low < found.high < wider.high


def test_levels() -> None:
    """Few videos would get the interval of many."""
    assert level_for(10_000) == pytest.approx(0.95, abs=1e-4)
    t = stats.t.ppf(0.975, 9)
    assert level_for(10) == pytest.approx(1 - 2 * stats.norm.cdf(-np.sqrt(10 / 9) * t))
    assert level_for(1, 0.9) == 0.9


def test_few_values_have_a_wider_interval() -> None:
    """Figures of a dozen videos would be trusted as if there were hundreds: percentiles alone hold too seldom."""
    values = np.linspace(0, 1, 8).tolist()
    found = bootstrap(values)
    half = stats.t.ppf(0.975, 7) * np.std(values, ddof=1) / 8**0.5
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)
    assert bootstrap([0.5]) == (0.5, 0.5, 0.5)


def test_sentences_of_a_video_are_drawn_together() -> None:
    """Many sentences of few videos would look like much evidence."""
    values = np.repeat([0.2, 0.4, 0.6, 0.8], 50).tolist()
    groups = np.repeat(["a", "b", "c", "d"], 50).tolist()
    alone, together = bootstrap(values), bootstrap(values, groups)
    assert together.mean == alone.mean
    assert together.high - together.low > 4 * (alone.high - alone.low)


@given(scores, st.data())
def test_groups_of_any_size_keep_the_interval_in_the_values(values: list[float], data: st.DataObject) -> None:
    """A video with many sentences would shift the interval away from the mean."""
    groups = data.draw(st.lists(st.sampled_from("abc"), min_size=len(values), max_size=len(values)))
    found = bootstrap(values, groups, draws=200)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


def test_the_same_seed_gives_the_same_interval() -> None:
    """Two reports of one run would differ."""
    values = np.linspace(0, 1, 40).tolist()
    assert bootstrap(values) == bootstrap(values)
    assert bootstrap(values, seed=1, draws=50) != bootstrap(values, seed=2, draws=50)


def test_draws_in_several_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large data sets would get fewer draws than asked for, or other ones."""
    whole = bootstrap([0.1, 0.5, 0.9, 0.3], draws=101)
    monkeypatch.setattr("alref_local.metrics.intervals._AT_ONCE", 40)
    assert bootstrap([0.1, 0.5, 0.9, 0.3], draws=101) == whole


@pytest.mark.parametrize(("values", "groups"), [([], None), ([1.0], ["a", "b"])])
def test_what_cannot_have_an_interval(values: list[float], groups: list[str] | None) -> None:
    """An empty run would have a figure."""
    with pytest.raises(ValueError, match="needs values"):
        bootstrap(values, groups)


def test_a_steady_gain_has_a_narrow_interval_and_a_mixed_one_holds_zero() -> None:
    """The claim that a step helps would rest on noise."""
    base = [0.1, 0.5, 0.9, 0.3]
    steady = gain([value + 0.2 for value in base], base)
    assert steady.gain == pytest.approx(0.2)
    assert steady.high - steady.low == pytest.approx(0, abs=1e-9)
    mixed = gain([0.9, 0.1, 0.9, 0.2], base)
    assert mixed.low < 0 < mixed.high


def test_the_interval_is_students() -> None:
    """Few clips would look like many."""
    found = gain([1.0, 3.0], [0.0, 0.0])  # mean 2, standard error 1, t(1) = 12.706
    assert [found.low, found.high] == pytest.approx([-10.706, 14.706], abs=1e-3)
    with pytest.raises(ValueError, match="two or more pairs"):
        gain([1.0], [0.0])
