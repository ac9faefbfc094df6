"""Running a strategy with fakes at its seams."""

from __future__ import annotations

import asyncio
from typing import Any

from alref_local.configs import load_config
from alref_local.engine import Engine
from alref_local.events import Event, Finished
from alref_local.seams import VideoReader
from alref_local.types import Query, TargetResult

__all__ = ["PARTS", "SAMPLING", "run"]

PARTS = {
    "grounding": {"engine": "tests.fakes:BoxesByFrame"},
    "segmentation": {"engine": "tests.fakes:BoxSegmentor"},
}
SAMPLING = {"sampling": {"frames": 3, "interval": 4, "seconds": None, "balance": False}}


def run(
    video: VideoReader, queries: list[Query], backend: Any, **changes: Any
) -> tuple[list[Event], tuple[TargetResult, ...], Engine]:
    """All events, the results, and the engine with its fakes, under config ``default`` with ``changes``."""
    settings = load_config("default", PARTS, SAMPLING, changes)
    engine = Engine(settings, device="cpu")

    async def collect() -> list[Event]:
        return [event async for event in engine.events(video, queries, backend)]

    try:
        events = asyncio.run(collect())
    finally:
        engine.close()
    last = events[-1]
    assert isinstance(last, Finished)
    return events, last.results, engine
