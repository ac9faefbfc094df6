"""What the tiny Qwen2-VL reads: the wordings of the instructions, references and the labels of sounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from alref_local.reason.prompts import PromptSet, load_prompts
from alref_local.world.labels import SOUND_LABELS

MAIN: Final = load_prompts("tiny")
MAIN_SHARE: Final = 0.65
_OTHERS: Final = (
    PromptSet("short", {
        "pivot_frame": "In which of the {frames} is {reference} seen best? "
        "End with ANSWER: and its number in a list [].",
        "pivot_box": "Which numbered boxes in frame {frame} hold {reference}? End with ANSWER: and a list [].{none}",
        "lbru": "Heard: {tags}. Which of them can be seen? End with ANSWER: and a list [] of names.",
        "none": "No box: an empty list.",
    }),
    PromptSet("friendly", {
        "pivot_frame": "Here you see {frames} from a video. Please pick the one frame that shows this object best, "
        "whole and not hidden: {reference}. Name the object and then write ANSWER: and the frame in brackets.",
        "pivot_box": "Here you see {frames} from a video. In frame {frame}, {marked}. Please pick the ones that show "
        "this: {reference}. Name the object and then write ANSWER: and the labels in brackets.{none}",
        "lbru": "Here you see {frames} from a video. A classifier heard in it: {tags}. Please pick the things in "
        "the video that make these sounds. Say what is there and then write ANSWER: and the names in brackets.",
        "none": "If none of the boxes fits, write [].",
    }),
    PromptSet("figure", {
        "pivot_frame": "The image is made of {frames} of a video, each marked with an ID in the upper left corner. "
        "Select the single frame that best demonstrates {reference}, and return its ID in a list surrounded by [].\n\n"
        "End with ANSWER: and the list.",
        "pivot_box": "The image is made of sampled frames of a video. In the {ordinal} frame, {marked}: {boxes}. "
        "Identify the object that best matches the description {reference}.{none} Output the number in list [] "
        "format.\n\nEnd with ANSWER: and the list.",
        "lbru": "The image is made of {frames} of a video. An audio classification model gave these labels: {tags}. "
        "Leave out labels of things that are not in the video and merge labels of the same thing. Output the "
        "categories that may be making sounds in a list [].\n\nEnd with ANSWER: and the list.",
        "none": "If none matches, the list is empty.",
    }),
    PromptSet("quoted", {
        "pivot_frame": "Look at these {frames} of one video. Find the object that the reference means and choose the "
        "frame in which it is complete and clear. Reply with its name, ANSWER: and [number].\nReference: {quoted}",
        "pivot_box": "Look at these {frames} of one video. On frame {frame}, {marked}: {boxes}. Find the objects that "
        "the reference means. Reply with their names, ANSWER: and [numbers].{none}\nReference: {quoted}",
        "lbru": "Look at these {frames} of one video. Labels of its sound: {quoted}. Find the things that the labels "
        "mean and reply with ANSWER: and [names].",
        "none": "If there is no such box, answer [].",
    }),
)  # fmt: skip


_ALL_LABELS: Final = [(label, name) for name, labels in SOUND_LABELS.items() for label in labels]
_TELLING: Final = {
    label: name for label, name in _ALL_LABELS if sum(label == other for other, _ in _ALL_LABELS) == 1
}
_VAGUE: Final = (
    "Speech", "Music", "Inside, small room", "Outside, rural or natural", "Noise", "White noise", "Environmental noise",
    "Hum", "Wind", "Sound effect",
)  # fmt: skip
LABELS_TO_READ: Final = tuple(dict.fromkeys([*(label for label, _ in _ALL_LABELS), *_VAGUE]))


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


def draw_tags(
    seen: Sequence[str], unseen: Sequence[str], rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Up to five labels as a sound classifier gives them, and the classes that they tell of, in their order.

    Each class comes by some of its labels; those of several classes ("Vehicle") and those of none tell of no class.
    """
    heard = [str(c) for c in rng.permutation(seen)[: rng.choice(4, p=[0.15, 0.45, 0.3, 0.1])]]
    heard += [str(c) for c in rng.permutation(unseen)[: rng.choice(3, p=[0.4, 0.4, 0.2])]]
    ranked: dict[str, float] = {}
    for name in heard:
        own, *more = SOUND_LABELS[name]
        shares = {own: 0.92} | {label: 0.6 if label in _TELLING else 0.35 for label in more}
        for label, share in shares.items():
            if rng.random() < share:
                ranked.setdefault(label, rng.random() + (label != own))
    for label in rng.permutation(_VAGUE)[: rng.choice(3, p=[0.5, 0.35, 0.15])]:
        ranked.setdefault(str(label), rng.random() + 0.7)
    tags = sorted(ranked, key=ranked.__getitem__)[:5] or [str(rng.choice(_VAGUE))]
    return tags, list(dict.fromkeys(_TELLING[tag] for tag in tags if tag in _TELLING))
