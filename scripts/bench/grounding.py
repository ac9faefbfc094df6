"""The grounder alone: is the referent among the candidates on a good frame, and is it the first of them?"""

from __future__ import annotations

from functools import lru_cache

from alref_local.perceive.grounding import GroundingDino
from alref_local.settings import Grounding, Settings
from alref_local.world import Scene
from oracle import box_iou, referent_box
from tally import Tally

__all__ = ["measure_grounding"]


@lru_cache(maxsize=1)
def _grounder(section: Grounding, device: str) -> GroundingDino:
    return GroundingDino(**section.model_dump(exclude={"engine"}, exclude_none=True), device=device)


def measure_grounding(scene: Scene, settings: Settings, device: str, tally: Tally) -> None:
    """Every sentence of the scene, on the middle one of its good frames; plural sentences: any of their objects."""
    grounder = _grounder(settings.grounding, device)
    sentences = [
        sentence for sentence in scene.sentences if sentence.good_frames or sentence.kind == "absent"
    ]
    frames = [
        s.good_frames[len(s.good_frames) // 2] if s.good_frames else scene.length // 2 for s in sentences
    ]
    images = [scene.frame(frame) for frame in frames]
    proposals = grounder.propose(images, [sentence.text for sentence in sentences])
    for sentence, frame, candidates in zip(sentences, frames, proposals, strict=True):
        if sentence.kind == "absent":
            tally.add("grounding/boxes for an absent object", len(candidates))
            continue
        truths = [referent_box(scene, referent, frame) for referent in sentence.referents]
        hits = [any(box_iou(candidate.box, truth) >= 0.5 for truth in truths) for candidate in candidates]
        for kind in ("all", sentence.kind):
            tally.add(f"grounding/recall@3/{kind}", any(hits[:3]))
            tally.add(f"grounding/top-1/{kind}", any(hits[:1]))
        tally.add("grounding/candidates a frame", len(candidates))
