"""The strips' figures: looks that differ in one thing, and questions whose answers are known."""

from __future__ import annotations

import argparse
import asyncio

from alref_local.configs import load_config
from alref_local.settings import Strip
from alref_local.world import make_scene
from oracle import Oracle
from strips import looks, of_released_sizes, questions, right


def test_looks_differ_from_the_first_in_one_thing() -> None:
    """The table would not say what an answer was lost by."""
    given = argparse.Namespace(panel=[140, 84], quality=[90, 30], layout=["horizontal"])
    first, *others = (look.model_dump() for look in looks(given))
    assert [{k: v for k, v in one.items() if v != first[k]} for one in others] == [
        {"panel": 84},
        {"quality": 30},
    ]


def test_true_answers_are_right_and_others_are_not() -> None:
    """The share of right answers would measure the bench, not the model."""
    settings = load_config("tiny", {"reasoning": {"prompts": "tiny"}})
    for seed in (800_001, 800_002):
        scene = make_scene("ladder", seed)
        known, wrong = (
            Oracle(scene, scene.target),
            Oracle(make_scene("absent", seed), make_scene("absent", seed).target),
        )
        for question, fits in questions(scene, Strip(panel=140), settings):
            assert asyncio.run(right(known, question, fits))
            if question.step == "pivot_box":
                assert 1 <= len(question.fields["boxes"]) <= 4
                assert not asyncio.run(right(wrong, question, fits))


def test_smaller_panels_are_charged_less() -> None:
    """Somebody would shrink strips for nothing."""
    large, small = of_released_sizes([500, 224], ["qwen", "gpt-4.1"])
    assert small["qwen"] < large["qwen"] / 2
    assert small["gpt-4.1"] < large["gpt-4.1"]
