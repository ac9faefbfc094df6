"""The engine's rules of waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
from typing import Any

import pytest
import torch

from alref_local.configs import load_config
from alref_local.engine import Engine
from alref_local.errors import AlrefError, BackendError
from alref_local.masks import TrackBuilder
from alref_local.seams import VideoReader
from alref_local.types import Box, FrameMasks, Prompt
from tests.fakes import ArrayVideo, BoxSegmentor, numbered_video
from tests.strategies.strategy_kit import PARTS


@pytest.fixture
def engine() -> Iterator[Engine]:
    one = Engine(load_config("default", PARTS), device="cpu")
    yield one
    one.close()


class Noted(BoxSegmentor):
    """Notes the video of every step, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        for masks in super().track(video, prompts):
            self.steps.append(video.name)
            yield masks


async def tracked(engine: Engine, video: ArrayVideo, stop: int | None = None) -> int:
    """Frames that were tracked, given up at ``stop``."""
    builder = TrackBuilder(len(video), video.size, [0])
    done = 0
    steps = engine.track(video, [Prompt(0, 0, Box(0, 0, 8, 8))], builder)
    async for done, _ in steps:
        if done == stop:
            break
    await steps.aclose()
    return done


def named(name: str) -> ArrayVideo:
    video = numbered_video(6)
    video.name = name
    return video


def test_one_video_is_tracked_at_a_time(engine: Engine) -> None:
    """Videos under way end all together, and then the models idle while the next ones ask."""
    engine.segmentor = noted = Noted()

    async def together() -> list[int]:
        return await asyncio.gather(*(tracked(engine.beside(), named(name)) for name in "abc"))

    assert asyncio.run(together()) == [6, 6, 6]
    assert noted.steps == [*"aaaaaabbbbbbcccccc"]


def test_a_video_that_is_given_up_lets_the_next_one_track(engine: Engine) -> None:
    """An interrupted video holds up all others."""
    engine.segmentor = Noted()

    async def one_after_the_other() -> int:
        assert await tracked(engine, named("a"), stop=2) == 2
        return await asyncio.wait_for(tracked(engine.beside(), named("b")), 10)

    assert asyncio.run(one_after_the_other()) == 6


def test_after_a_failure_nothing_is_begun_and_nothing_thrown_away(engine: Engine) -> None:
    """Answers that are on their way, and paid for, would be asked again by the next start."""
    begun, ended = set[int](), set[int]()

    def job(number: int) -> Coroutine[Any, Any, int]:
        async def work() -> int:
            begun.add(number)
            if number == 1:
                raise BackendError("the server is gone")
            await asyncio.sleep(0.01 * number)
            ended.add(number)
            return number

        return work()

    with pytest.raises(BackendError, match="is gone"):
        asyncio.run(_all(engine.in_flight(job(number) for number in range(40))))
    assert begun - {1} == ended
    assert len(begun) < 40


def test_a_caller_who_leaves_does_not_wait(engine: Engine) -> None:
    """Ctrl-C takes as long as the slowest answer."""
    called_off = list[int]()

    async def job(number: int) -> int:
        try:
            await asyncio.sleep(30 * number)
        except asyncio.CancelledError:
            called_off.append(number)
            raise
        return number

    async def first() -> int:
        results = engine.in_flight(job(number) for number in range(3))
        found = await anext(results)
        await asyncio.wait_for(results.aclose(), 5)
        return found

    assert asyncio.run(first()) == 0
    assert sorted(called_off) == [1, 2]


def test_a_full_gpu_is_said_in_a_sentence(engine: Engine) -> None:
    """A person with a smaller GPU reads a traceback, and not what would fit."""

    def full() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with pytest.raises(AlrefError, match="not enough memory") as caught:
        asyncio.run(engine.perceive(full))
    assert "alref-local plan" in caught.value.hint


async def _all(results: AsyncGenerator[int]) -> list[int]:
    return [one async for one in results]
