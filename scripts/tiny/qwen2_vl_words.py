"""What the tiny Qwen2-VL reads and writes: the wordings of the instruction, and the reply it is taught."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from alref_local.reason.grammar import MARKER
from alref_local.reason.prompts import PromptSet, load_prompts
from alref_local.world import ObjectSpec

MAIN: Final = load_prompts("tiny")
MAIN_SHARE: Final = 0.65
_OTHERS: Final = (
    PromptSet("short", {
        "pivot_frame": "In which of the {frames} is {reference} seen best? "
        "End with ANSWER: and its number in a list [].",
        "pivot_box": "Which numbered boxes in frame {frame} hold {reference}? End with ANSWER: and a list [].{none}",
        "none": "No box: an empty list.",
    }),
    PromptSet("friendly", {
        "pivot_frame": "Here you see {frames} from a video. Please pick the one frame that shows this object best, "
        "whole and not hidden: {reference}. Name the object and then write ANSWER: and the frame in brackets.",
        "pivot_box": "Here you see {frames} from a video. In frame {frame}, {marked}. Please pick the ones that show "
        "this: {reference}. Name the object and then write ANSWER: and the labels in brackets.{none}",
        "none": "If none of the boxes fits, write [].",
    }),
    PromptSet("figure", {
        "pivot_frame": "The image is made of {frames} of a video, each marked with an ID in the upper left corner. "
        "Select the single frame that best demonstrates {reference}, and return its ID in a list surrounded by [].\n\n"
        "End with ANSWER: and the list.",
        "pivot_box": "The image is made of sampled frames of a video. In the {ordinal} frame, {marked}: {boxes}. "
        "Identify the object that best matches the description {reference}.{none} Output the number in list [] "
        "format.\n\nEnd with ANSWER: and the list.",
        "none": "If none matches, the list is empty.",
    }),
    PromptSet("quoted", {
        "pivot_frame": "Look at these {frames} of one video. Find the object that the reference means and choose the "
        "frame in which it is complete and clear. Reply with its name, ANSWER: and [number].\nReference: {quoted}",
        "pivot_box": "Look at these {frames} of one video. On frame {frame}, {marked}: {boxes}. Find the objects that "
        "the reference means. Reply with their names, ANSWER: and [numbers].{none}\nReference: {quoted}",
        "none": "If there is no such box, answer [].",
    }),
)  # fmt: skip


def draw_wording(rng: np.random.Generator) -> PromptSet:
    """Prompt set `tiny` mostly, else another wording of the same instruction."""
    return MAIN if rng.random() < MAIN_SHARE else _OTHERS[rng.integers(len(_OTHERS))]


def wordings() -> tuple[PromptSet, ...]:
    """Every wording, the product's own first."""
    return (MAIN, *_OTHERS)


def reword(text: str, rng: np.random.Generator) -> str:
    """The reference as a person might write it: now and then without its article, or with a full stop."""
    if rng.random() < 0.06:
        text = text.removeprefix("the ")
    if rng.random() < 0.04:
        text = text[0].upper() + text[1:]
    return text + "." if rng.random() < 0.04 else text


def reasoning(reference: str, things: Sequence[ObjectSpec]) -> str:
    """What the reply says before its list: the given words first, then what they mean.

    The given words come first because the model follows its own words: asked for "the boat", a reply that began
    with a size and a colour would guess them and then look for its guess.
    """
    named = [f"{thing.size_name} {thing.colour} {thing.class_name}" for thing in things]
    given = reference.rstrip(".")
    return f"{given[0].upper()}{given[1:]}: {', '.join(named) or 'none'}.\n{MARKER} "
