"""Table 4's figures on drawn clips: rows that do what their names say."""

from __future__ import annotations

import asyncio

import pytest

from alref_local.configs import load_config
from alref_local.world import SOUND_LABELS, make_scene
from rungs import Rungs
from sound import _ALWAYS, RIGHT, ROWS, TRUE, TrueLabels, _clip, table


def test_true_labels_name_everything_that_sounds_on_screen_or_off() -> None:
    """The first row would not suffer from what is heard and not seen."""
    scene = next(s for s in (make_scene("sound", seed) for seed in range(800_000, 800_050)) if s.off_screen)
    tags = TrueLabels(scene).tags(scene.audio, 5)
    own = {SOUND_LABELS[name][0] for name in (*scene.heard, *scene.off_screen)}
    assert own <= {tag.name for tag in tags}
    assert [tag.probability for tag in tags] == sorted((tag.probability for tag in tags), reverse=True)


def test_every_gain_is_over_the_row_before() -> None:
    """A gain is told over another row than the table shows."""
    scores = {
        f"{name}{TRUE}": [place / 4, place / 4 + 0.1] for place, name in enumerate([*ROWS, RIGHT], start=1)
    }
    rows = table(scores)
    assert [row["row"] for row in rows] == list(scores)
    assert [row.get("gain") for row in rows] == [None, 0.25, 0.25, 0.25, None]


@pytest.mark.slow
def test_true_answers_name_what_sounds_and_climb() -> None:
    """A row would be measured with the settings of another, or silence taken for sound."""
    rungs = Rungs(load_config("tiny", _ALWAYS), "cpu")
    try:
        scene = make_scene("sound", 800_000)
        scores = asyncio.run(_clip(rungs, scene, None, TrueLabels(scene)))
    finally:
        rungs.close()
    assert scores[f"{RIGHT}{TRUE}"] == 1
    assert scores[f"+ PF & PB Selection{TRUE}"] > scores[f"LBRU Reference{TRUE}"] + 0.2
