"""Second looks on drawn clips with the bundled checkpoints, and a backend that picks badly but sees well."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from alref_local.configs import load_config
from alref_local.engine import Engine
from alref_local.events import Finished
from alref_local.masks import decode, union
from alref_local.metrics import region_similarity
from alref_local.reason.question import Answer, Question
from alref_local.types import Box, Query, TargetResult
from alref_local.world import Scene, make_scene
from alref_local.world.reader import SceneReader
from oracle import Oracle, box_iou, referent_box

pytestmark = pytest.mark.slow
SEEDS = range(810_000, 810_003)


class PicksBadly(Oracle):
    """The box that fits the truth least; of finished masks it says the truth."""

    async def ask(self, question: Question) -> Answer:
        """Answer in the scene's coordinates."""
        if question.step == "pivot_frame":
            return await super().ask(question)
        boxes = question.fields["boxes"]
        if question.step == "pivot_box":
            fits = [self._fit(box, question.fields["frame"]) for box in boxes]
            return Answer((str(int(np.argmin(fits)) + 1),))
        fits = [self._fit(box, frame) for box, frame in zip(boxes, question.fields["frames"], strict=True)]
        return Answer(("yes" if np.median(fits) >= 0.5 else "no",))

    def _fit(self, box: Box, frame: int) -> float:
        return box_iou(box, referent_box(self.scene, self.referents[0], frame))


def segmented(scene: Scene, engine: Engine) -> TargetResult:
    async def follow() -> TargetResult:
        queries = [Query("0", scene.target.text)]
        events = engine.events(SceneReader(scene), queries, PicksBadly(scene, scene.target))
        (finished,) = [event async for event in events if isinstance(event, Finished)]
        return finished.results[0]

    return asyncio.run(follow())


def j(scene: Scene, result: TargetResult) -> float:
    truth = np.stack([scene.masks(t)[scene.target.referents[0]] for t in range(scene.length)])
    frames = zip(*(track.masks for track in result.tracks), strict=True)
    return float(region_similarity(np.stack([decode(union(masks)) for masks in frames]), truth).mean())


def test_a_second_look_mends_wrong_boxes() -> None:
    """Looks would cost questions and tracking, and masks would stay on the wrong objects."""
    plain = load_config("tiny", {"pivots": {"select": "one"}, "reasoning": {"box_prompt": "pivot_box"}})
    engines = [Engine(plain.overridden({"second_look": {"looks": n}}), device="cpu") for n in (0, 3)]
    gains = []
    try:
        for seed in SEEDS:
            scene = make_scene("easy", seed)
            once, twice = (segmented(scene, engine) for engine in engines)
            if twice.looks and not twice.looks[0].accepted and twice.looks[-1].accepted:
                gains.append(j(scene, twice) - j(scene, once))
            else:
                assert twice.tracks == once.tracks
    finally:
        for engine in engines:
            engine.close()
    assert len(gains) >= 2
    assert min(gains) > 0.3
