"""The figures of who sounds when: what they count, on clips whose truth is known."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from alref_local.configs import load_config
from alref_local.world import Scene, make_scene
from rungs import Masks, Rungs
from silence import NONE, RULES, TRUTH, Clip, Judge, TrueNames, _masks, score, table, true_sounding


def scene_with(*, off_screen: bool) -> Scene:
    """A clip in which a class is silent for a time; then something else is heard, or not."""
    for seed in range(800_000, 800_100):
        scene = make_scene("sound", seed)
        silent = ~np.any(list(true_sounding(scene, scene.heard).values()), axis=0)
        away = [any(part.at(int(t)) for part in scene.sound.parts) for t in np.flatnonzero(silent)]  # type: ignore[union-attr]
        if len(away) and any(away) == off_screen:
            return scene
    raise AssertionError("no such clip")


def drawn(scene: Scene) -> dict[str, Masks]:
    """True masks of each class that sounds, also while it is silent."""
    stack = np.stack([scene.masks(t) for t in range(scene.length)])
    groups = {name: [one.class_name == name for one in scene.objects] for name in scene.heard}
    return {name: np.asarray(stack[:, group].any(axis=1)) for name, group in groups.items()}


@pytest.mark.parametrize("off_screen", [True, False])
def test_the_truth_is_right_about_everything(off_screen: bool) -> None:
    """A perfect filter would score less than 1, so that no figure could be trusted."""
    scene = scene_with(off_screen=off_screen)
    masks = drawn(scene)
    best = score(scene, masks, true_sounding(scene, masks))
    assert best.right == best.pairs == scene.length * len(masks)
    assert best.m_j == 1
    assert best.empty == best.elsewhere
    assert bool(best.elsewhere) == off_screen


def test_without_a_filter_silence_is_painted() -> None:
    """What the filter brings would be measured against something that is filtered."""
    scene = scene_with(off_screen=True)
    masks = drawn(scene)
    engine = type("Unused", (), {"settings": load_config("tiny")})()
    judge = Judge(engine)
    always = asyncio.run(judge.sounding(scene, list(masks), NONE))
    none = score(scene, masks, always)
    assert all(one.all() for one in always.values())
    assert none.right < none.pairs
    assert none.empty < none.elsewhere
    assert none.m_j < 1
    truth = asyncio.run(judge.sounding(scene, list(masks), TRUTH))
    assert score(scene, masks, truth).right == none.pairs


def test_true_names_err_by_the_cuts_alone() -> None:
    """What is lost by the cuts could not be told from what is lost by the aligner."""
    scene = scene_with(off_screen=False)
    (name, on), *_ = true_sounding(scene, scene.heard).items()
    cut = [0, *(np.flatnonzero(np.diff(on)) + 1).tolist(), scene.length]
    pieces = [scene.audio[scene.sound.place(a) : scene.sound.place(b)] for a, b in pairwise(cut)]  # type: ignore[union-attr]
    alike = TrueNames(scene).similarity(pieces, [", ".join(scene.heard), name, "silence"])
    assert (alike.argmax(axis=1) == 2).tolist() == [not on[a] for a in cut[:-1]]
    assert TrueNames(scene).similarity([scene.audio[:0]], [name, "silence"]).argmax() == 1


def test_shares_are_over_all_clips_and_gains_over_no_filter() -> None:
    """A clip with two classes counts as much as one with one, or a gain is over another row."""
    rows = table(
        {NONE: [Clip(1, 4, 0, 0, 0.5), Clip(2, 8, 0, 2, 0.7)], "config": [Clip(4, 4, 0, 0, 0.6)] * 2}
    )
    assert rows[0] == {"rule": NONE, "pairs": 0.25, "off screen": 0.0, "M_J": 0.6}
    assert rows[1]["pairs"] == 1
    assert rows[1]["off screen"] is None
    assert rows[1]["gain"] == 0


def test_the_papers_row_is_the_papers_protocol() -> None:
    """The row beside our own would be no comparison with the paper."""
    paper = load_config("paper/avs-v2-binary").sound
    row = load_config("tiny").overridden(RULES["paper"]).sound
    assert (row.silence, row.events) == (paper.silence, paper.events)


@pytest.mark.slow
def test_masks_of_true_answers_are_those_of_what_sounds() -> None:
    """All rows would be low for a reason that has nothing to do with silence."""
    rungs = Rungs(load_config("tiny", {"pivots": {"select": "many"}}), "cpu")
    try:
        scene = make_scene("sound", 800_000)
        masks = asyncio.run(_masks(rungs, scene))
    finally:
        rungs.close()
    assert set(masks) == set(scene.heard)
    true = drawn(scene)
    overlap = [(masks[name] & true[name]).sum() / (masks[name] | true[name]).sum() for name in masks]
    assert min(overlap) > 0.5
