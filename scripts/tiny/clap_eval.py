"""How well an aligner tells what sounds in drawn clips it has not heard, segment by segment.

python scripts/tiny/clap_eval.py [MODEL] [--preset sound] [--clips 200] [--seed 900000]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.perceive.alignment import load_aligner
from alref_local.seams import Aligner
from alref_local.select.sounding import choices, text_of, winners
from alref_local.world import SOUND_LABELS, Scene, make_scene


class Stretch(NamedTuple):
    """A part of a clip in which the same classes sound throughout, off screen too."""

    samples: NDArray[np.float32]
    sounding: frozenset[str]


def stretches(scene: Scene) -> Iterator[Stretch]:
    """A clip's sound, cut where anything begins or ends."""
    sound = scene.sound
    assert sound is not None
    edges = {
        0,
        sound.length,
        *(edge for part in sound.parts for stretch in part.stretches for edge in stretch),
    }
    for first, last in pairwise(sorted(edges)):
        heard = frozenset(part.class_name for part in sound.parts if part.at(first))
        yield Stretch(sound.audio[sound.place(first) : sound.place(last)], heard)


def judge(aligner: Aligner, scene: Scene) -> dict[str, list[bool]]:
    """What is right in one clip: one answer for each segment and class asked for."""
    parts = list(stretches(scene))
    seen = [one.class_name for one in scene.objects if one.class_name in SOUND_LABELS]
    every = tuple(dict.fromkeys([*scene.heard, *scene.off_screen, *seen]))
    return {
        "classes that sound on screen": decisions(aligner, parts, scene.heard),
        "with those that are seen, or sound off screen": decisions(aligner, parts, every),
    }


def decisions(aligner: Aligner, parts: Sequence[Stretch], names: Sequence[str]) -> list[bool]:
    """For each segment and name, whether equation 1, with silence to choose from, is right about it."""
    among = choices(names, silence=True)
    alike = aligner.similarity([part.samples for part in parts], [text_of(one) for one in among])
    won = winners(alike, among, [0.0] * len(parts), 1.0)
    return [
        (name in one) == (name in part.sounding) for part, one in zip(parts, won, strict=True) for name in among[-2]
    ]  # fmt: skip


def evaluate(aligner: Aligner, preset: str, clips: int, seed: int) -> dict[str, float]:
    """Shares over all clips."""
    cases: dict[str, list[bool]] = defaultdict(list)
    for number in range(clips):
        for name, right in judge(aligner, make_scene(preset, seed + number)).items():
            cases[name] += right
    return {name: round(float(np.mean(right)), 4) for name, right in cases.items() if right}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny:clap")
    parser.add_argument("--preset", default="sound")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=900_000)
    given = parser.parse_args()
    print(json.dumps(evaluate(load_aligner(given.model), given.preset, given.clips, given.seed), indent=2))


if __name__ == "__main__":
    main()
