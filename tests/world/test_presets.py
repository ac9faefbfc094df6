"""What each preset promises, checked on the public truth of many clips."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from alref_local.world import PRESETS, Scene, make_scene
from alref_local.world.palette import SIZES

SEEDS = range(50)


@cache
def scenes(preset: str) -> tuple[Scene, ...]:
    """Fifty clips, made once for all tests of this file."""
    return tuple(make_scene(preset, seed) for seed in SEEDS)


def shares(scene: Scene, i: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Visible share of object `i` in every frame."""
    return np.array([scene.visible(t)[i] for t in range(scene.length)], np.float32)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_clip_is_what_the_world_says(preset: str) -> None:
    """A clip outside the specification trains and measures the tiny models on something else."""
    for scene in scenes(preset):
        assert scene.size == (240, 320)
        assert scene.fps == 12.0
        assert scene.length == 240 if preset == "long" else 24 <= scene.length <= 36
        assert 2 <= len(scene.objects) <= 5
        for actor in scene.actors:
            low, high = SIZES[actor.spec.size_name]
            assert low * 240 - 0.01 <= min(actor.motion.sizes) <= max(actor.motion.sizes) <= high * 240 + 0.01


@pytest.mark.parametrize("preset", ["easy", "late", "hidden", "ladder", "crowded", "long"])
def test_the_target_is_one_object_that_can_be_found(preset: str) -> None:
    """A target without two good frames makes a ladder nobody can climb."""
    for scene in scenes(preset):
        assert len(scene.target.referents) == 1
        assert scene.target in scene.sentences
        assert len(scene.target.good_frames) >= 2


def test_easy_shows_the_target_throughout_and_keeps_objects_apart() -> None:
    """The easy clips are the ones the whole method must solve; a hidden target would fail it unjustly."""
    for scene in scenes("easy"):
        assert scene.target.good_frames == tuple(range(scene.length))
        for t in range(0, scene.length, 5):
            assert _overlap(scene.boxes(t)) < 0.15


def test_late_targets_enter_after_a_third() -> None:
    """Late clips exist because the first frame must not show the target."""
    for scene in scenes("late"):
        seen = shares(scene, scene.target.referents[0]) > 0
        assert not seen[: scene.length // 3].any()
        assert seen.any()


def test_hidden_targets_are_covered_at_the_start_and_come_out() -> None:
    """Hidden clips exist because the first frame must not show the target, though it is in the frame."""
    for scene in scenes("hidden"):
        i = scene.target.referents[0]
        assert scene.visible(0)[i] < 0.05
        assert not np.isnan(scene.boxes(0)[i]).any()
        assert shares(scene, i).max() >= 0.9


def test_ladder_mixes_entrances_four_three_three() -> None:
    """The ladder's figures are comparable between runs only if every ten seeds hold the same mixture."""
    found = Counter[str]()
    for scene in scenes("ladder"):
        i = scene.target.referents[0]
        if scene.visible(0)[i] >= 0.3:
            found["visible"] += 1
        else:
            found["late" if np.isnan(scene.boxes(0)[i]).any() else "hidden"] += 1
    assert found == {"late": 20, "hidden": 15, "visible": 15}


def test_ladder_targets_have_a_rival_and_never_a_good_first_frame() -> None:
    """Without a rival of its class, or with a good first frame, no reasoning is needed to solve a clip."""
    for scene in scenes("ladder"):
        i = scene.target.referents[0]
        classes = [o.class_name for o in scene.objects]
        assert classes.count(classes[i]) >= 2
        assert scene.target.good_frames[0] > 0


def test_ladder_objects_keep_apart() -> None:
    """Touching objects are beyond the tiny SAM 2; the ladder would measure that instead of the reasoning."""
    for scene in scenes("ladder"):
        apart = [_overlap(scene.boxes(t)) < 0.1 for t in range(scene.length)]
        assert np.mean(apart) >= 0.8


@pytest.mark.parametrize("preset", ["easy", "late", "hidden", "ladder", "crowded"])
def test_kinds_of_target_are_spread_evenly(preset: str) -> None:
    """A mean over clips hides a weakness in a kind of sentence that is rare."""
    kinds = Counter(scene.target.kind for scene in scenes(preset))
    wanted = 5 if preset in ("ladder", "crowded") else 6
    assert len(kinds) == wanted
    assert max(kinds.values()) - min(kinds.values()) <= 10


def test_crowded_objects_touch() -> None:
    """The crowded clips are there to report what contact costs."""
    touching = [_overlap(scene.boxes(scene.length // 2)) > 0.1 for scene in scenes("crowded")]
    assert np.mean(touching) > 0.6


def test_absent_targets_fit_no_object() -> None:
    """False alarms are counted on these clips; a sentence that fits an object would count right answers as wrong."""
    for scene in scenes("absent"):
        assert scene.target.kind == "absent"
        assert scene.target.referents == scene.target.good_frames == ()
        words = set(scene.target.text.split())
        assert not any({o.class_name} <= words and not _colours(words) - {o.colour} for o in scene.objects)


def test_plural_targets_name_several_seen_together() -> None:
    """A plural sentence about one object, or one never well seen, cannot test several references at once."""
    for scene in scenes("plural"):
        assert scene.target.kind == "plural"
        assert 2 <= len(scene.target.referents) <= len(scene.objects)
        assert len(scene.target.good_frames) >= 2


def _colours(words: set[str]) -> set[str]:
    return words & {"red", "green", "blue", "yellow", "purple", "white"}


def _overlap(boxes: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> float:
    """Greatest share of a box that another one covers."""
    worst = 0.0
    for i, a in enumerate(boxes):
        for j, b in enumerate(boxes):
            sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
            if i != j and not np.isnan(sides).any():
                worst = max(worst, float(sides.prod() / (a[2:] - a[:2]).prod()))
    return worst
