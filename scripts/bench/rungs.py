"""The rows of the paper's ablation tables, run on drawn clips with any backend.

Only the pivots differ between rows, so each clip is reasoned about under every row, and then all rows' pivots are
carried through it in one pass of the segmentor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.engine import Engine
from alref_local.events import Finished
from alref_local.masks import decode
from alref_local.metrics import contour_accuracy, region_similarity
from alref_local.models.of_config import MASKS_LATER
from alref_local.reason.none import NoneBackend
from alref_local.reproduce.tables import find_table
from alref_local.seams import Backend, Tagger
from alref_local.select.stretches import Hearing
from alref_local.settings import Settings
from alref_local.types import Query, TargetResult
from alref_local.world import Scene, Sentence
from alref_local.world.reader import SceneReader

__all__ = ["TABLES", "WHOLE", "Masks", "Outcome", "Rungs", "rows_of"]

Masks = NDArray[np.bool_]
"""``(n, H, W)`` bool."""


def rows_of(number: int) -> dict[str, dict[str, Any]]:
    """Settings of the rows of one of the paper's tables that are ours, by their names."""
    return {row.name: row.changes for row in find_table(number).rows if row.changes is not None}


TABLES: Mapping[str, Mapping[str, dict[str, Any]]] = {
    f"Table {number}: {find_table(number).about}": rows_of(number) for number in (3, 5, 6)
}

WHOLE: dict[str, Any] = {"pivots": {"frame": "reason", "box": "reason"}}
"""The whole method."""


class Outcome(NamedTuple):
    """J&F over all frames of a clip, and whether every mask is empty."""

    j_and_f: float
    empty: bool


class Rungs:
    """Two engines: one that chooses pivots under changing settings, one that tracks.

    Args:
        settings: the protocol that the rows are laid over.
        device: as of ``Engine``.
    """

    def __init__(self, settings: Settings, device: str) -> None:
        self.settings = settings
        self._chooser = Engine(settings.overridden({"segmentation": {"engine": MASKS_LATER}}), device=device)
        self._tracker = Engine(settings, device=device)

    def close(self) -> None:
        """Let the models go."""
        self._chooser.close()
        self._tracker.close()

    def knows(self, changes: Mapping[str, Any]) -> bool:
        """Whether the prompt set has what a row asks with."""
        asked = self.settings.overridden(dict(changes)).reasoning.box_prompt
        return asked in self._chooser.prompts.templates

    async def score(
        self, scene: Scene, sentence: Sentence, rows: Mapping[str, tuple[dict[str, Any], Backend]]
    ) -> dict[str, Outcome]:
        """What becomes of a sentence on a clip under every row (its settings, who answers)."""
        video, asked = SceneReader(scene), [Query("0", sentence.text)]
        chosen = {
            name: await self.choose(video, asked, changes, backend)
            for name, (changes, backend) in rows.items()
        }
        found = await self.track(video, chosen)
        truth = np.stack([scene.masks(t)[list(sentence.referents)].any(0) for t in range(scene.length)])
        return {name: _outcome(found[name], truth) for name in rows}

    async def choose(
        self,
        video: SceneReader,
        queries: Sequence[Query],
        changes: Mapping[str, Any],
        backend: Backend,
        hearing: Hearing | None = None,
        tagger: Tagger | None = None,
    ) -> tuple[TargetResult, ...]:
        """The results under a row's settings, without masks; ``tagger`` listens instead of the config's."""
        without = {"segmentation": {"engine": MASKS_LATER}}
        self._chooser.settings = self.settings.overridden({**changes, **without})
        if tagger is not None:
            self._chooser.tagger = tagger
        return await _run(self._chooser, video, queries, backend, hearing)

    async def track(
        self, video: SceneReader, chosen: Mapping[str, Sequence[TargetResult]]
    ) -> dict[str, Masks]:
        """Everything that each row chose, as ``(n, H, W)`` bool, all of it carried through in one pass."""
        given = [
            Query(f"{row}/{result.query.id}", result.query.text, result.pivots)
            for row, results in chosen.items()
            for result in results
            if result.pivots
        ]
        tracked = await _run(self._tracker, video, given, NoneBackend()) if given else ()
        found = {row: np.zeros((len(video), *video.size), np.bool_) for row in chosen}
        for result in tracked:
            masks = found[result.query.id.rpartition("/")[0]]
            for track in result.tracks:
                masks |= np.stack([decode(rle) for rle in track.masks])
        return found


async def _run(
    engine: Engine,
    video: SceneReader,
    queries: Sequence[Query],
    backend: Backend,
    hearing: Hearing | None = None,
) -> tuple[TargetResult, ...]:
    async for event in engine.events(video, queries, backend, hearing):
        if isinstance(event, Finished):
            return event.results
    return ()


def _outcome(ours: Masks, truth: Masks) -> Outcome:
    score = float(region_similarity(ours, truth).mean() + contour_accuracy(ours, truth).mean()) / 2
    return Outcome(round(score, 4), not ours.any())
