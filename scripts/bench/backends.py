"""What the reasoning costs on a vLLM server: grammar against free words, and the prefix cache.

``PYTHONPATH=scripts/tiny:scripts/vllm python scripts/bench/backends.py`` starts a server with an untrained
model (``make vllm``), wide enough that a token costs more to compute than to constrain, as with real models;
``--backend CARD`` measures the server of a card instead. Rounds with and without grammar take turns, because the
machine may have other work; ratios within one run are what counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from alref_local.reason.card import Card, load_card
from alref_local.reason.client import ChatClient
from alref_local.reason.grammar import lark
from alref_local.reason.prompts import load_prompts
from alref_local.reason.question import Question
from alref_local.reason.reply import Reply
from alref_local.reason.wire import messages, sampling
from alref_local.select.context import ClipContext
from alref_local.select.pivot_frame import pivot_frame_question
from alref_local.settings import Strip
from alref_local.types import Clip, Query
from alref_local.world import make_scene
from alref_local.world.reader import SceneReader
from untrained_vlm import qwen2_vl
from vllm_server import KEY, MODEL, VllmServer

FRAMES = (0, 5, 10, 15, 20)
KEY_ENV = "ALREF_BENCH_KEY"


def question(seed: int, sentence: str, number: int = 0) -> Question:
    """A pivot-frame question of set ``alref`` about a drawn video, with a seed of its own."""
    video = SceneReader(make_scene("easy", seed))
    context = ClipContext("drawn", Clip(0, 0, 24, FRAMES), list(video.frames(FRAMES)), Strip())
    asked = pivot_frame_question(context, Query("0", sentence), load_prompts("alref"))
    return replace(asked, address=replace(asked.address, sample=number))


def request(asked: Question, card: Card, **body: Any) -> dict[str, Any]:
    """A chat request with the card's sampling and these fields of vLLM."""
    words = {"messages": messages(asked, (), card), **sampling(card, asked.address.sample)}
    return {**words, "extra_body": {"top_k": -1, **body}}


async def speed(client: ChatClient, requests: Sequence[dict[str, Any]]) -> float:
    """Generated tokens a second, all requests in flight that the card allows."""
    begun = time.perf_counter()
    replies = await asyncio.gather(*(client.complete(**one) for one in requests))
    return sum(_tokens(reply) for reply in replies) / (time.perf_counter() - begun)


async def measure(card: Card, questions: int, rounds: int) -> dict[str, Any]:
    """All figures as plain data."""
    client = ChatClient(card)
    asked = [question(800_000, f"the animal number {number}", number) for number in range(questions)]
    length = card.think_tokens
    requests = {
        "free": [request(one, card, min_tokens=length) | {"max_tokens": length} for one in asked],
        "held": [request(one, card, structured_outputs={"grammar": lark(one.spec, length)}) for one in asked],
    }
    await speed(client, requests["free"][:4] + requests["held"][:4])  # first uses compile and allocate
    speeds: dict[str, list[float]] = {"free": [], "held": []}
    for turn in range(rounds):
        for name in sorted(speeds, reverse=turn % 2 == 1):
            speeds[name].append(await speed(client, requests[name]))
    ratios = [held / free for free, held in zip(*speeds.values(), strict=True)]
    first, second = [
        await client.complete(**request(question(800_001, sentence), card))
        for sentence in ("the dog that runs to the left", "a big red bus")
    ]
    await client.close()
    return {
        "model": card.name,
        "questions in flight": card.concurrency,
        "tokens a reply": length,
        "tokens/s free": round(median(speeds["free"])),
        "tokens/s with grammar": round(median(speeds["held"])),
        "grammar to free, each round": [round(ratio, 3) for ratio in ratios],
        "grammar to free": round(median(ratios), 3),
        "prompt tokens": second.usage.prompt_tokens,
        "cached of the first sentence": first.usage.cached_tokens,
        "cached of the second sentence": second.usage.cached_tokens,
    }


def _tokens(reply: Reply) -> int:
    assert reply.usage.completion_tokens is not None
    return reply.usage.completion_tokens


@contextmanager
def untrained_card(width: int) -> Iterator[Card]:
    """The card of a server with an untrained model, which runs meanwhile."""
    os.environ[KEY_ENV] = KEY
    with TemporaryDirectory() as folder:
        qwen2_vl(Path(folder), width=width)
        options = ("--structured-outputs-config", '{"backend": "xgrammar"}')
        with VllmServer(Path(folder), *options) as server:
            yield Card(name="untrained", kind="vllm", model=MODEL, endpoint=server.url, key_env=KEY_ENV)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", help="card of a running vLLM server")
    parser.add_argument("--width", type=int, default=1024, help="of the untrained model")
    parser.add_argument("--questions", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=128, help="length of the reasoning")
    parser.add_argument("--in-flight", type=int, default=32)
    given = parser.parse_args()
    changes = {
        "pattern": "A",
        "temperature": 1.0,
        "think_tokens": given.tokens,
        "max_tokens": given.tokens + 64,
        "concurrency": given.in_flight,
    }

    def told(card: Card) -> dict[str, Any]:
        changed = card.model_copy(update=changes)
        return asyncio.run(measure(changed, given.questions, given.rounds))

    if given.backend:
        figures = told(load_card(given.backend))
    else:
        with untrained_card(given.width) as card:
            figures = told(card)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
