"""How well a tagger names what sounds in drawn clips it has not heard.

python scripts/tiny/beats_eval.py [MODEL] [--preset sound] [--clips 200] [--seed 900000]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from typing import Final

import numpy as np

from alref_local.perceive.tagging import Beats
from alref_local.seams import Tagger
from alref_local.world import Scene, make_scene
from alref_local.world.labels import SOUND_LABELS

ABOVE: Final = 0.3  # a label of this probability is said to be heard
OWN: Final = {labels[0]: name for name, labels in SOUND_LABELS.items()}


def judge(tagger: Tagger, scene: Scene) -> dict[str, list[bool]]:
    """What is right in one clip: one answer for each class, label or clip that is asked about."""
    tags = tagger.tags(scene.audio, 527)
    first = {tag.name for tag in tags[:5]}
    above = {tag.name for tag in tags if tag.probability > ABOVE}
    sounding = {*scene.heard, *scene.off_screen}
    deserved = {label for name in sounding for label in SOUND_LABELS[name]}
    return {
        "on screen, own label in the first 5": [SOUND_LABELS[name][0] in first for name in scene.heard],
        "off screen, own label in the first 5": [SOUND_LABELS[name][0] in first for name in scene.off_screen],
        "own label above 0.3": [SOUND_LABELS[name][0] in above for name in sounding],
        "labels above 0.3 that are false": [label not in deserved for label in above],
        "clips in which the classes above 0.3 are those that sound": [
            {OWN[label] for label in above if label in OWN} == sounding
        ],
    }


def evaluate(tagger: Tagger, preset: str, clips: int, seed: int) -> dict[str, float]:
    """Shares over all clips."""
    cases: dict[str, list[bool]] = defaultdict(list)
    for number in range(clips):
        for name, right in judge(tagger, make_scene(preset, seed + number)).items():
            cases[name] += right
    return {name: round(float(np.mean(right)), 4) for name, right in cases.items() if right}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny:beats")
    parser.add_argument("--preset", default="sound")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=900_000)
    given = parser.parse_args()
    print(json.dumps(evaluate(Beats(model=given.model), given.preset, given.clips, given.seed), indent=2))


if __name__ == "__main__":
    main()
