"""One job from its events to a finished run folder."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from alref_local.errors import MediaError
from alref_local.events import Event, Finished, Listened, Looked, Reasoned, ReferencesFound, Tracked
from alref_local.runs.folder import RunFolder, strip_name
from alref_local.runs.labels import write_labels
from alref_local.runs.overlay import write_overlay
from alref_local.seams import VideoReader
from alref_local.select.stretches import Hearing
from alref_local.types import SOUND, TargetResult, Totals

__all__ = ["Record"]


@dataclass
class Record:
    """Follows a run and writes it down as it goes.

    Attributes:
        video: what is being segmented.
        folder: where, already begun with ``write_config``; ``None`` writes nothing.
        cutouts: whether to write every masked object as PNG with alpha, too.
        hearing: the sound that is listened to, if it is asked for.
        labels: whether to write a label map of what sounds for every frame, too.
        timings: seconds by stage, filled while following.
    """

    video: VideoReader
    folder: RunFolder | None = None
    cutouts: bool = False
    hearing: Hearing | None = None
    labels: bool = False
    timings: dict[str, float] = field(default_factory=dict)
    results: tuple[TargetResult, ...] = ()

    async def follow(self, events: AsyncGenerator[Event], tell: Callable[[Event], None]) -> None:
        """Write strips as they are shown, and time the stages."""
        begun = time.perf_counter()
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Listened | Reasoned | Looked) and self.folder is not None:
                    _keep_strips(self.folder, event)
                if isinstance(event, ReferencesFound):
                    self._lap("listen", begun)
                if isinstance(event, Tracked | Finished) and "reason" not in self.timings:
                    self._lap("reason", begun)
                if isinstance(event, Finished):
                    self._lap("track", begun)
                    self.results = event.results
                tell(event)

    def _lap(self, stage: str, begun: float) -> None:
        self.timings[stage] = time.perf_counter() - begun - sum(self.timings.values())

    def finish(self, manifest: Mapping[str, Any], usage: Totals) -> None:
        """Write masks, overlay and results; the manifest last."""
        if self.folder is None:
            return
        timings = {stage: round(seconds, 3) for stage, seconds in self.timings.items()}
        self.folder.write_result(self.video, self.results, timings, usage)
        if self.labels:
            write_labels(self.folder, self.video, self.results)
        try:
            write_overlay(self.folder, self.video, self.results, cutouts=self.cutouts, hearing=self.hearing)
        except MediaError as error:  # a picture for people, and the masks are whole without it
            if self.cutouts:
                raise
            logging.getLogger(__name__).warning("There is no overlay: %s", error)
        self.folder.finish(manifest)


def _keep_strips(folder: RunFolder, event: Listened | Reasoned | Looked) -> None:
    if isinstance(event, Listened):
        shown = {strip_name(SOUND, "lbru", event.heard.stretch): event.strip}
    elif isinstance(event, Looked):
        shown = {strip_name(event.query_id, "second_look", event.look.number): event.strip}
    else:
        query, clip = event.outcome.query_id, event.outcome.clip.index
        shown = {strip_name(query, step, clip): images for step, images in event.strips.items()}
    for name, images in shown.items():
        for number, data in enumerate(images):
            folder.add_strip(f"{name}-{number}" if len(images) > 1 else name, data)
