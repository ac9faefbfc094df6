"""How small strips may be: share of right answers, image tokens, pixels and bytes a question, for any backend.

    python scripts/bench/strips.py [--clips 100] [--seed 900000] [--backend tiny] [--config tiny]
        [--panel 140 112 84] [--quality 90 60 30] [--layout horizontal grid]

Every look is asked the same two questions about the referent of each drawn `ladder` clip: its pivot frame, and its
box among the true ones on a good frame. The first look is what the others are compared with, clip by clip; panels are
varied at the first quality and layout, and so on. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image as Pil

from alref_local.configs import load_config
from alref_local.media.strip import strip_sizes
from alref_local.metrics import gain
from alref_local.reason.backends import make_backend
from alref_local.reason.card import Card, load_card
from alref_local.reason.prompts import load_prompts
from alref_local.reason.question import Question
from alref_local.seams import Backend
from alref_local.select.context import ClipContext
from alref_local.select.pivot_box import pivot_box_question
from alref_local.select.pivot_frame import pivot_frame_question
from alref_local.select.sampling import sample_clips
from alref_local.settings import Settings, Strip
from alref_local.types import Box, Candidate, Query
from alref_local.world import Scene, make_scene
from alref_local.world.scene import FPS

__all__ = ["looks", "questions", "right"]

IN_SIGHT = 1 / 3
"""An object is a candidate when so much of it is seen."""
BOXES = 4
"""Most candidates, the referent among them."""


def looks(given: argparse.Namespace) -> list[Strip]:
    """The first of everything, then one thing changed at a time."""
    first = {"panel": given.panel[0], "quality": given.quality[0], "layout": given.layout[0]}
    others = [first | {field: value} for field in first for value in getattr(given, field)[1:]]
    return [Strip(**one) for one in [first, *others]]


def questions(scene: Scene, look: Strip, settings: Settings) -> Iterator[tuple[Question, set[int]]]:
    """The pivot-frame and the pivot-box question about a clip's referent, and the ids that are right.

    The box question asks for one of the true boxes on the middle one of the good sampled frames.
    """
    clip = sample_clips(scene.length, FPS, settings.sampling)[0]
    context = ClipContext("drawn", clip, [scene.frame(t) for t in clip.frames], look)
    query, prompts = Query("0", scene.target.text), load_prompts(settings.reasoning.prompts)
    good = [t for t in clip.frames if t in scene.target.good_frames]
    if not good:
        return
    yield pivot_frame_question(context, query, prompts), {clip.frames.index(t) + 1 for t in good}
    frame = good[len(good) // 2]
    among = np.random.default_rng(frame).permutation(np.flatnonzero(scene.visible(frame) >= IN_SIGHT))
    some = sorted(among, key=lambda one: one not in scene.target.referents)[:BOXES]
    seen = [one for one in among if one in some]
    boxes = [Candidate(Box(*map(float, scene.boxes(frame)[one])), 1.0) for one in seen]
    asked = pivot_box_question(context, query, frame, boxes, prompts, settings.reasoning, ())
    yield asked, {at for at, one in enumerate(seen, 1) if one in scene.target.referents}


async def right(backend: Backend, question: Question, fits: set[int]) -> bool:
    """Whether the answer names one of those that fit (a frame), or all of them (boxes)."""
    said = {int(one) for one in (await backend.ask(question)).items}
    return bool(said) and said <= fits if question.step == "pivot_frame" else said == fits


async def measure(given: argparse.Namespace, card: Card) -> list[dict[str, Any]]:
    """A row for every look."""
    settings = load_config(given.config, card.settings)
    backend = make_backend(card)
    answers: list[dict[str, list[float]]] = []
    costs: list[dict[str, list[float]]] = []
    try:
        for look in looks(given):
            answers.append(defaultdict(list))
            costs.append(defaultdict(list))
            for seed in range(given.seed, given.seed + given.clips):
                for question, fits in questions(make_scene("ladder", seed), look, settings):
                    answers[-1][question.step].append(float(await right(backend, question, fits)))
                    for name, cost in _cost(question, card).items():
                        costs[-1][name].append(cost)
    finally:
        await backend.close()
    return [_row(*one, answers[0]) for one in zip(looks(given), answers, costs, strict=True)]


def _cost(question: Question, card: Card) -> dict[str, float]:
    sizes = [_size(part.data) for part in question.images]
    tokens = sum(card.image_tokens.count(size) for size in sizes) if card.image_tokens else 0
    pixels = sum(height * width for height, width in sizes)
    return {"tokens": tokens, "pixels": pixels, "bytes": sum(len(part.data) for part in question.images)}


def _size(data: bytes) -> tuple[int, int]:
    with Pil.open(io.BytesIO(data)) as image:
        return image.height, image.width


def _row(
    look: Strip, answers: dict[str, list[float]], costs: dict[str, list[float]], first: dict[str, list[float]]
) -> dict[str, Any]:
    row: dict[str, Any] = look.model_dump()
    for step, values in answers.items():
        row[step] = {"right": round(float(np.mean(values)), 4), "n": len(values)}
        if len(values) > 1 and values is not first[step]:
            row[step] |= {name: round(one, 4) for name, one in gain(values, first[step])._asdict().items()}
    return row | {name: round(float(np.mean(values))) for name, values in costs.items()}


def of_released_sizes(panels: Sequence[int], cards: Sequence[str], count: int = 5) -> list[dict[str, Any]]:
    """Image tokens that cards charge for a strip of ``count`` panels of a 1280 x 720 video, by their own formulas."""
    rows = []
    for panel in panels:
        sizes = strip_sizes(count, (720, 1280), layout="horizontal", panel=panel)
        known = {name: load_card(name).image_tokens for name in cards}
        rows.append(
            {"panel": panel}
            | {name: sum(of.count(size) for size in sizes) for name, of in known.items() if of}
        )
    return rows


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=900_000)
    parser.add_argument("--backend", default="tiny")
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--panel", type=int, nargs="+", default=[140, 112, 84])
    parser.add_argument("--quality", type=int, nargs="+", default=[90, 60, 30])
    parser.add_argument("--layout", nargs="+", default=["horizontal"])
    given = parser.parse_args()
    rows = asyncio.run(measure(given, load_card(given.backend)))
    charged = of_released_sizes([640, 500, 336, 224], ["qwen", "qwen3-vl-8b", "gpt-4.1"])
    print(json.dumps(vars(given) | {"rows": rows, "charged for 1280 x 720": charged}, indent=2))


if __name__ == "__main__":
    main()
