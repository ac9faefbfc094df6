"""What the bundled checkpoints can do on clips they never saw, through the product's own code.

The bounds lie below the figures of 200 clips (README) by what a dozen clips scatter.
"""

from __future__ import annotations

from functools import cache

import pytest

from alref_local.configs import load_config
from alref_local.world import make_scene
from grounding import measure_grounding
from pipeline import measure_pipeline
from segmentation import measure_segmentation
from tally import Tally

pytestmark = pytest.mark.slow
CLIPS = 12
SEED = 810_000
STRIDE = 10
"""`ladder` asks for another kind of thing every ten seeds."""


@cache
def figures(preset: str) -> dict[str, float]:
    settings, tally = load_config("tiny"), Tally()
    for number in range(CLIPS):
        scene = make_scene(preset, SEED + STRIDE * number)
        measure_grounding(scene, settings, "cpu", tally)
        measure_segmentation(scene, settings, "cpu", tally)
        if preset == "ladder":
            measure_pipeline(scene, settings, "cpu", tally)
    return {name: row["mean"] for name, row in tally.means().items()}


def test_grounder_proposes_the_referent() -> None:
    """The pivot box could not be chosen: the referent would not be among the candidates."""
    assert figures("easy")["grounding/recall@3/all"] >= 0.85
    assert figures("ladder")["grounding/recall@3/all"] >= 0.85


def test_segmentor_follows_the_object() -> None:
    """A right box would still end in a wrong mask, or in one that stays where the object is not."""
    assert figures("easy")["segmentation/J"] >= 0.75
    assert figures("ladder")["segmentation/J"] >= 0.65
    assert figures("ladder")["segmentation/absent frames empty"] >= 0.7


def test_each_step_of_the_method_pays() -> None:
    """Pivot frame or pivot box would be chosen for nothing (the paper's Table 3)."""
    ladder = figures("ladder")
    first = ladder["pipeline/J&F/first frame + best box"]
    frame = ladder["pipeline/J&F/true pivot frame + best box"]
    box = ladder["pipeline/J&F/true pivot frame + true pivot box"]
    assert first < frame < box
    assert box - first >= 0.15
    assert box >= 0.8 * ladder["pipeline/J&F/true boxes"]
