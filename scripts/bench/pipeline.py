"""The whole method: pivots chosen by truth or by rule, all carried through the clip by one segmentor pass."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import numpy as np

from alref_local.engine import Engine
from alref_local.events import Finished
from alref_local.masks import decode
from alref_local.metrics import contour_accuracy, region_similarity
from alref_local.models.of_config import MASKS_LATER
from alref_local.perceive.segmentation import Sam2
from alref_local.settings import Segmentation, Settings
from alref_local.types import Pivot, Query, TargetResult
from alref_local.world import Scene
from alref_local.world.reader import SceneReader
from oracle import Oracle, referent_box
from tally import Tally

__all__ = ["measure_pipeline", "segmentor"]

VARIANTS: dict[str, dict[str, Any]] = {
    "first frame + best box": {"frame": "first", "box": "best"},
    "middle frame + best box": {"frame": "middle", "box": "best"},
    "last frame + best box": {"frame": "last", "box": "best"},
    "true pivot frame + best box": {"frame": "reason", "box": "best"},
    "true pivot frame + true pivot box": {"frame": "reason", "box": "reason"},
}


@lru_cache(maxsize=1)
def segmentor(section: Segmentation, device: str) -> Sam2:
    """The config's SAM 2, loaded once."""
    return Sam2(**section.model_dump(exclude={"engine"}), device=device)


@lru_cache(maxsize=len(VARIANTS) + 1)
def _engine(settings: str, device: str) -> Engine:
    """Of settings as JSON, which can be remembered."""
    return Engine(Settings.model_validate_json(settings), device=device)


def measure_pipeline(scene: Scene, settings: Settings, device: str, tally: Tally) -> None:
    """J&F of the scene's target sentence for every variant, over all frames."""
    target = scene.target
    if not target.referents or not target.good_frames:
        return
    video, oracle = SceneReader(scene), Oracle(scene, target)
    choices: dict[str, tuple[Pivot, ...]] = {}
    for name, change in VARIANTS.items():
        changed = settings.overridden({"pivots": change, "segmentation": {"engine": MASKS_LATER}})
        choices[name] = _run(changed, device, video, [Query("0", target.text)], oracle)[0].pivots
    frames = [pivot.frame for pivot in choices["true pivot frame + true pivot box"]] or list(
        target.good_frames[:1]
    )
    choices["true boxes"] = tuple(
        Pivot(0, frame, referent_box(scene, target.referents[0], frame)) for frame in frames
    )

    truth = np.stack([scene.masks(t)[target.referents[0]] for t in range(scene.length)])
    queries = [Query(name, target.text, pivots) for name, pivots in choices.items() if pivots]
    results = {result.query.id: result for result in _run(settings, device, video, queries, oracle)}
    for name in choices:
        ours = np.zeros_like(truth)
        if name in results:
            ours = np.stack([decode(mask) for mask in results[name].tracks[0].masks])
        j, f = float(region_similarity(ours, truth).mean()), float(contour_accuracy(ours, truth).mean())
        tally.add(f"pipeline/J&F/{name}", (j + f) / 2)


def _run(
    settings: Settings, device: str, video: SceneReader, queries: list[Query], oracle: Oracle
) -> tuple[TargetResult, ...]:
    async def collect() -> tuple[TargetResult, ...]:
        async for event in _engine(settings.model_dump_json(), device).events(video, queries, oracle):
            if isinstance(event, Finished):
                return event.results
        return ()

    return asyncio.run(collect()) if queries else ()
