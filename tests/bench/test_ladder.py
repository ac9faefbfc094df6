"""The ladder's figures: intervals of paired differences, and rows that do what their names say."""

from __future__ import annotations

import asyncio

import pytest

from alref_local.configs import load_config
from alref_local.world import make_scene
from oracle import Oracle
from paired import gain
from rungs import TABLES, WHOLE, Rungs


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


@pytest.mark.slow
def test_true_answers_climb_the_ladder_and_know_what_is_absent() -> None:
    """A row would be measured with the settings of another, or empty masks taken for a miss."""
    rungs = Rungs(load_config("tiny", {"pivots": {"select": "many"}}), "cpu")
    try:
        scene = make_scene("ladder", 800_001)
        steps = TABLES["Table 3: two-step reasoning"]
        rows = {name: (changes, Oracle(scene, scene.target)) for name, changes in steps.items()}
        scored = asyncio.run(rungs.score(scene, scene.target, rows))
        first, *_, last = scored.values()
        assert last.j_and_f > first.j_and_f + 0.2
        nothing = make_scene("absent", 800_001)
        whole = {"whole": (WHOLE, Oracle(nothing, nothing.target))}
        assert asyncio.run(rungs.score(nothing, nothing.target, whole))["whole"] == (1.0, True)
    finally:
        rungs.close()
