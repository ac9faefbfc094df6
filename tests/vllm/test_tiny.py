"""The bundled tiny Qwen2-VL, behind a server as in process: the README promises that both show the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from alref_local.models.resolve import resolve
from alref_local.reason.backends import make_backend
from alref_local.reason.card import Card, load_card
from alref_local.reason.prompts import load_prompts
from alref_local.reason.question import Answer, Question
from alref_local.select.pivot_box import pivot_box_question
from alref_local.select.pivot_frame import pivot_frame_question
from alref_local.select.sampling import sample_clips
from alref_local.settings import Reasoning, Sampling
from alref_local.types import Query
from alref_local.world import make_scene
from qwen2_vl_data import show
from qwen2_vl_eval import true_candidates
from tests.vllm.asking import KEY_ENV
from vllm_server import VllmServer, why_not

pytestmark = pytest.mark.vllm
CLIPS = 12


def test_same_answers_served_and_in_process() -> None:
    """A table made with a server would not be the table that the README shows."""
    if reason := why_not():
        pytest.skip(reason)
    questions = [question for seed in range(800_700, 800_700 + CLIPS) for question in _asked(seed)]
    with VllmServer(resolve("tiny:qwen2_vl"), "--dtype", "float32") as server:
        served = load_card("tiny-vllm").overridden(
            {"endpoint": server.url, "key_env": KEY_ENV, "timeout": 120}
        )
        there = _answers(served, questions)
    here = _answers(load_card("tiny"), questions)
    same = [mine.items == theirs.items for mine, theirs in zip(here, there, strict=True)]
    assert sum(same) >= 0.9 * len(same)
    assert len({answer.items for answer in here}) > 3


def _asked(seed: int) -> list[Question]:
    """Both questions about a clip's target."""
    scene, prompts = make_scene("ladder", seed), load_prompts("tiny")
    (clip,) = sample_clips(scene.length, scene.fps, Sampling(frames=6, whole=True))
    context = show(scene, clip)
    query = Query("q", scene.target.text)
    frame = clip.frames[-1]
    candidates, _ = true_candidates(scene, frame, scene.target.referents, seed)
    rules = Reasoning(prompts="tiny", history=False, none_allowed=True)
    return [
        pivot_frame_question(context, query, prompts),
        pivot_box_question(context, query, frame, candidates, prompts, rules, (), most=len(candidates)),
    ]


def _answers(card: Card, questions: Sequence[Question]) -> list[Answer]:
    async def together() -> list[Answer]:
        backend = make_backend(card, device="cpu")
        try:
            return await asyncio.gather(*(backend.ask(question) for question in questions))
        finally:
            await backend.close()

    return asyncio.run(together())
