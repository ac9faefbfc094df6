"""Real questions of a drawn clip, and cards for the test servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import count, cycle
from typing import Any

from alref_local.errors import AlrefError
from alref_local.reason.card import Card
from alref_local.reason.prompts import load_prompts
from alref_local.reason.question import Address, Answer, AnswerSpec, Question, Turn
from alref_local.select.context import ClipContext
from alref_local.select.pivot_box import pivot_box_question
from alref_local.select.pivot_frame import pivot_frame_question
from alref_local.settings import Reasoning, Strip
from alref_local.types import Box, Candidate, Clip, Query
from alref_local.world import make_scene
from alref_local.world.reader import SceneReader
from vllm_server import MODEL, VllmServer

KEY_ENV = "ALREF_TEST_KEY"
PROMPTS = load_prompts("alref")
FRAMES = (0, 5, 10, 15, 20)
BOXES = tuple(Candidate(Box(30 * i, 10, 30 * i + 25, 60), 0.9 - 0.1 * i) for i in range(4))
TAGS = ("dog", "bark", "motor vehicle (road)", 'a "loud" horn/siren', "музыка")


def card_for(server: VllmServer, pattern: str, **changes: Any) -> Card:
    """A card for a server, with short reasoning and long patience: other work shares the machine."""
    fields = {
        "name": "test",
        "kind": "vllm",
        "model": MODEL,
        "endpoint": server.url,
        "key_env": KEY_ENV,
        "pattern": pattern,
        "think_tokens": 32,
        "max_tokens": 128,
        "top_k": -1,
        "logprobs": True,
        "retries": 0,
        "timeout": 60,
        "patience": 3,
        "concurrency": 32,
    }
    return Card.model_validate({**fields, **changes})


WHOLE_PATCHES = (112, 168)
"""Size of frames whose strips Qwen2-VL sees pixel by pixel: in other sizes the server's processor resamples with
torchvision, ours with Pillow, and log-probabilities differ by up to 1e-2."""


@cache
def clip(seed: int, size: tuple[int, int] = WHOLE_PATCHES) -> ClipContext:
    """Five frames of a drawn video."""
    video = SceneReader(make_scene("easy", seed, size=size))
    return ClipContext(f"drawn{seed}", Clip(0, 0, 24, FRAMES), list(video.frames(FRAMES)), Strip())


def frame_question(context: ClipContext, sentence: str) -> Question:
    """Step 1: one id."""
    return pivot_frame_question(context, Query("0", sentence), PROMPTS)


def box_question(context: ClipContext, sentence: str, none_allowed: bool = True) -> Question:
    """Step 2 with step 1 as history: one id, or none."""
    asked = frame_question(context, sentence)
    history = (Turn(asked.text, asked.images, "It runs, and is seen best there.\nANSWER: [3]"),)
    reasoning = Reasoning(none_allowed=none_allowed)
    return pivot_box_question(context, Query("0", sentence), FRAMES[2], BOXES, PROMPTS, reasoning, history)


def names_question(context: ClipContext, tags: tuple[str, ...] = TAGS) -> Question:
    """A list of names, in any number and order."""
    writable = tuple(tag.replace('"', "'") for tag in tags)
    return Question(
        step="lbru",
        text=PROMPTS.render("lbru", count=len(FRAMES), tags=writable),
        images=context.plain_strip(),
        spec=AnswerSpec(writable, "names", 1, len(writable)),
        address=Address(context.item, "sound", "lbru", 0),
        prompt_set=PROMPTS.name,
    )


def many_questions() -> Iterator[Question]:
    """Without end: ids and names, one item and several, "none" allowed and not; each with a seed of its own."""
    for number, context in zip(count(), cycle([clip(810_000), clip(810_001), clip(810_002)]), strict=False):
        sentence = f"the animal that comes {number}th from the left"
        several = box_question(context, sentence, none_allowed=number % 2 == 0)
        kinds = (
            frame_question(context, sentence),
            box_question(context, sentence),
            replace(several, spec=replace(several.spec, max_items=3)),
            names_question(context, TAGS[number % 2 :]),
        )
        for kind, question in enumerate(kinds):
            yield replace(question, address=replace(question.address, sample=4 * number + kind))


def answers(replies: list[Answer | AlrefError]) -> list[Answer]:
    """The replies, if all of them are answers."""
    failed = [reply for reply in replies if isinstance(reply, AlrefError)]
    assert not failed, f"{len(failed)} of {len(replies)} failed: {failed[0]}"
    return [reply for reply in replies if isinstance(reply, Answer)]


def is_valid(answer: Answer, spec: AnswerSpec) -> bool:
    """What a person would call a valid answer; the product's own parser has no say."""
    if not answer.items:
        return spec.none_allowed
    chosen = set(answer.items)
    return (
        chosen <= set(spec.allowed)
        and len(chosen) == len(answer.items)
        and spec.min_items <= len(chosen) <= spec.max_items
    )
