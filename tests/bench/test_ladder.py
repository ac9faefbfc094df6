"""The ladder's figures: rows that do what their names say."""

from __future__ import annotations

import asyncio

import pytest

from alref_local.configs import load_config
from alref_local.world import make_scene
from oracle import Oracle
from rungs import WHOLE, Rungs, rows_of


@pytest.mark.slow
def test_true_answers_climb_the_ladder_and_know_what_is_absent() -> None:
    """A row would be measured with the settings of another, or empty masks taken for a miss."""
    rungs = Rungs(load_config("tiny", {"pivots": {"select": "many"}}), "cpu")
    try:
        scene = make_scene("ladder", 800_001)
        steps = rows_of(3)
        rows = {name: (changes, Oracle(scene, scene.target)) for name, changes in steps.items()}
        scored = asyncio.run(rungs.score(scene, scene.target, rows))
        first, *_, last = scored.values()
        assert last.j_and_f > first.j_and_f + 0.2
        nothing = make_scene("absent", 800_001)
        whole = {"whole": (WHOLE, Oracle(nothing, nothing.target))}
        assert asyncio.run(rungs.score(nothing, nothing.target, whole))["whole"] == (1.0, True)
    finally:
        rungs.close()
