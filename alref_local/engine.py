"""The engine: the loaded models, the backend, and the rules of waiting.

MLLM questions wait asynchronously, many at a time. Everything that computes (decoding, grounding, propagation) runs in
one worker thread, in the order asked, so that a run gives the same bytes whenever the replies arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from copy import copy
from functools import cache, cached_property
from itertools import islice
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from alref_local.events import Event
from alref_local.masks import TrackBuilder
from alref_local.models.checking import weights_sha256
from alref_local.models.of_config import models_of
from alref_local.models.resolve import located
from alref_local.perceive.device import torch_device, within_memory
from alref_local.perceive.masks import binarize
from alref_local.places import Places
from alref_local.plugins import load_class
from alref_local.reason.prompts import load_prompts
from alref_local.seams import Aligner, Backend, Grounder, Segmentor, Strategy, Tagger, VideoReader
from alref_local.select.context import ClipContext
from alref_local.select.stretches import Hearing
from alref_local.select.vocabulary import vocabulary
from alref_local.settings import Settings
from alref_local.strategies.second_look import SecondLookStrategy
from alref_local.strategies.sound import SoundStrategy
from alref_local.types import Candidate, Clip, FrameMasks, Image, Prompt, Query

__all__ = ["Engine"]

_T = TypeVar("_T")
_CLIPS_IN_FLIGHT = 16
"""Clips whose frames are in memory at a time; enough to keep a server busy, bounded for long videos."""


class Engine:
    """Everything a strategy needs; models load at first use and serve any number of videos.

    Args:
        settings: the protocol.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ConfigError: the config names a class, device or prompt that does not exist; found before anything is loaded.
    """

    def __init__(self, settings: Settings, *, device: str = "auto") -> None:
        torch_device(device)
        self.settings = settings
        self._device = device
        self._kinds = {
            "strategy": load_class(settings.strategy),
            "grounder": load_class(settings.grounding.engine),
            "segmentor": load_class(settings.segmentation.engine),
        }
        self.prompts = load_prompts(settings.reasoning.prompts)
        looked = ("second_look",) if settings.second_look.looks else ()
        for template in ("pivot_frame", settings.reasoning.box_prompt, *looked):
            self.prompts.render(template, count=1)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="perceive")
        self._backend: Backend | None = None
        self._contexts: dict[tuple[int, Clip], asyncio.Task[ClipContext]] = {}
        self._tracking = Places(1)
        self._lent = False

    def close(self) -> None:
        """Wait for what is being computed and let the worker go."""
        if not self._lent:
            self._worker.shutdown(wait=True, cancel_futures=True)

    def load(self, *, sound: bool = False) -> None:
        """Load the models now, not at the first video.

        Raises:
            PrerequisiteError: weights are missing.
        """
        heard = ["tagger", *(["aligner"] if self.settings.sound.aligner else [])]
        for part in ("segmentor", "grounder", *(heard if sound else [])):
            self._worker.submit(within_memory, getattr, self, part).result()

    def beside(self) -> Engine:
        """An engine for another video at the same time, in another thread: the same loaded models and worker.

        While one video waits for its answers, the worker computes for the others. This engine outlives it.
        """
        other = copy(self)
        other._backend, other._contexts, other._lent = None, {}, True
        return other

    @cached_property
    def grounder(self) -> Grounder:
        """The grounder of the config."""
        options = self.settings.grounding.model_dump(exclude={"engine"}, exclude_none=True)
        return cast(Grounder, self._kinds["grounder"](**options, device=self._device))

    @cached_property
    def segmentor(self) -> Segmentor:
        """The segmentor of the config."""
        options = self.settings.segmentation.model_dump(exclude={"engine"})
        return cast(Segmentor, self._kinds["segmentor"](**options, device=self._device))

    @cached_property
    def tagger(self) -> Tagger:
        """The audio classifier of the config."""
        sound = self.settings.sound
        return cast(Tagger, load_class(sound.engine)(model=sound.model, device=self._device))

    @cached_property
    def aligner(self) -> Aligner:
        """The audio-text model of the config, which must name one."""
        sound = self.settings.sound
        return cast(Aligner, load_class(sound.aligner_engine)(model=sound.aligner, device=self._device))

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The words in which things that sound are named; none: any."""
        return vocabulary(self.settings.sound.vocabulary)

    def check_sound(self) -> None:
        """Find out before anything is loaded whether sound can be asked for.

        Raises:
            ConfigError: the config names a class, prompt or vocabulary that does not exist.
        """
        sound = self.settings.sound
        for kind in (sound.engine, *([sound.aligner_engine] if sound.aligner else [])):
            load_class(kind)
        names = self.vocabulary
        if sound.references == "lbru":
            self.prompts.render("lbru_frame" if sound.frame else "lbru", count=1, names=names)

    def weights(self) -> dict[str, dict[str, str]]:
        """SHA-256 of every weight file of the built-in models that are loaded, by model and file name."""
        models = models_of(self.settings, sound=True)
        return {name: _hashes(name) for part, name in models if part in self.__dict__}

    @property
    def backend(self) -> Backend:
        """Who answers the questions about the video at hand."""
        if self._backend is None:
            raise RuntimeError("no video is being segmented")
        return self._backend

    async def events(
        self,
        video: VideoReader,
        queries: Sequence[Query],
        backend: Backend,
        hearing: Hearing | None = None,
    ) -> AsyncGenerator[Event]:
        """Segment all queries of one video; closing the iterator cancels what is under way.

        Args:
            video: the video.
            queries: what to segment.
            backend: who answers.
            hearing: the sound, if a query asks for it.

        Raises:
            PrerequisiteError: weights are missing; found before any question is asked.
        """
        await self.perceive(lambda: self.segmentor)
        if any(not query.pivots for query in queries):
            await self.perceive(lambda: self.grounder)
        strategy = cast(Strategy, self._kinds["strategy"]())
        if self.settings.second_look.looks:
            strategy = SecondLookStrategy(strategy)
        if hearing is not None:
            self.check_sound()
            await self.perceive(lambda: self.tagger)
            if self.settings.sound.aligner:
                await self.perceive(lambda: self.aligner)
            strategy = SoundStrategy(strategy, hearing)
        self._backend = backend
        try:
            async with aclosing(strategy.run(video, queries, self)) as events:
                async for event in events:
                    yield event
        finally:
            self._contexts.clear()
            self._backend = None

    async def perceive(self, work: Callable[..., _T], *args: Any) -> _T:
        """Run ``work(*args)`` in the worker thread.

        Raises:
            AlrefError: the GPU is full; besides what ``work`` raises.
        """
        return await asyncio.get_running_loop().run_in_executor(self._worker, within_memory, work, *args)

    async def context(self, video: VideoReader, clip: Clip) -> ClipContext:
        """The clip's sampled frames, decoded once for all queries that are under way on it."""
        key = (id(video), clip)
        if key not in self._contexts:
            while len(self._contexts) >= _CLIPS_IN_FLIGHT:
                self._contexts.pop(next(iter(self._contexts)))
            self._contexts[key] = asyncio.ensure_future(self._decode(video, clip))
        return await asyncio.shield(self._contexts[key])

    async def _decode(self, video: VideoReader, clip: Clip) -> ClipContext:
        images: NDArray[np.uint8] = await self.perceive(video.frames, clip.frames)
        return ClipContext(video.name, clip, list(images), self.settings.strip)

    async def propose(
        self, image: Image, text: str, thresholds: tuple[float, float] | None = None
    ) -> list[Candidate]:
        """Candidate boxes for one text on one frame, at the config's or other (box, text) thresholds."""

        def work() -> list[Candidate]:
            grounder = self.grounder if thresholds is None else self.grounder.with_thresholds(*thresholds)
            return grounder.propose([image], [text])[0]

        return await self.perceive(work)

    async def track(
        self, video: VideoReader, prompts: Sequence[Prompt], builder: TrackBuilder
    ) -> AsyncGenerator[tuple[int, int]]:
        """Propagate all prompts through the video into ``builder``; yields (visits made, frame).

        One video at a time, though others reason meanwhile: if all went on together, all would end together, and the
        worker would wait for the questions of the next.
        """
        self._contexts.clear()  # reasoning is over, and its frames are many
        if not prompts:
            return
        use_score = self.settings.segmentation.object_score
        async with self._tracking:
            visits = await self.perceive(self.segmentor.track, video, prompts)

            def advance() -> FrameMasks | None:
                masks = next(visits, None)
                if masks is not None:
                    binary = binarize(masks, video.size, use_score)
                    builder.add(masks.frame, masks.track_ids, binary, masks.object_score)
                return masks

            done = 0
            while (masks := await self.perceive(advance)) is not None:
                done += 1
                yield done, masks.frame

    async def in_flight(self, jobs: Iterable[Coroutine[Any, Any, _T]]) -> AsyncGenerator[_T]:
        """Run jobs side by side, a bounded number at a time, and yield results as they come.

        Once a job has failed none is begun, and those that run go on to their end first, which may take another
        question: their answers are paid for.
        """
        waiting, running = iter(jobs), set[asyncio.Task[_T]]()
        try:
            while True:
                running |= {
                    asyncio.ensure_future(job) for job in islice(waiting, _CLIPS_IN_FLIGHT - len(running))
                }
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for result in await asyncio.gather(*done):
                    yield result
        except Exception:
            await asyncio.gather(*running, return_exceptions=True)
            raise
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


@cache
def _hashes(model: str) -> dict[str, str]:
    return weights_sha256(located(model))
