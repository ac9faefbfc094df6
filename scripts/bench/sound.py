"""The paper's Table 4 on the drawn world's sounds, for any backend, with paired 95 % intervals.

    python scripts/bench/sound.py --clips 200 --seed 900000 --backend tiny [--json]

Every row is the method with one part added, on the same clips; a gain is the mean of the differences clip by clip.
"true answers" are the same rows with a backend that knows the truth (``--backend none`` shows these alone), from the
labels that the config's tagger hears (``--tagger true``: from true ones, off-screen sounds among them).

M_J is AVSBench's: the mean IoU over all frames; where nothing is to be seen, the share of pixels that the mask leaves
free. Meant are all objects of the classes that sound in the clip, also while they are silent, for no silent frame is
emptied here. Seeds of 900,000 and above are for reported figures only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from alref_local.configs import load_config
from alref_local.media.audio import Audio, AudioWindow
from alref_local.metrics import gain
from alref_local.metrics.avs import frame_scores
from alref_local.reason.backends import make_backend
from alref_local.reason.card import load_card
from alref_local.reason.question import Answer, Question
from alref_local.seams import Backend, Tagger
from alref_local.select.stretches import Hearing
from alref_local.types import Query, Tag, TargetResult
from alref_local.world import SOUND_LABELS, Scene, Sentence, make_scene
from alref_local.world.reader import SceneReader
from oracle import Oracle
from rungs import Rungs, rows_of

__all__ = ["ROWS", "SceneSound", "SoundOracle", "TrueLabels"]

ROWS = rows_of(4)
TRUE = " (true answers)"
RIGHT = "categories exactly right"
_ALWAYS = {"pivots": {"select": "many"}, "sound": {"aligner": None}}


class SceneSound:
    """The sound of a scene as an ``Audio``."""

    def __init__(self, scene: Scene) -> None:
        self.samples = scene.audio

    def windows(
        self, seconds: float = 10.0, *, start: float = 0.0, stop: float | None = None
    ) -> Iterator[AudioWindow]:
        """All of it in one window: a drawn clip lasts three seconds."""
        yield AudioWindow(start, self.samples)


class TrueLabels:
    """A ``Tagger`` that knows what sounds, on screen or off, and gives it all its names, as a classifier may."""

    def __init__(self, scene: Scene) -> None:
        parts = sorted(scene.sound.parts if scene.sound else (), key=lambda part: -part.level)
        named = [SOUND_LABELS[name] for name in dict.fromkeys(part.class_name for part in parts)]
        ranked = [names[rank] for rank in range(4) for names in named if rank < len(names)]
        self._names = list(dict.fromkeys(ranked))

    def tags(self, samples: NDArray[np.float32], k: int) -> list[Tag]:
        """Own names of everything first, then more general ones."""
        return [Tag(name, 0.9**place) for place, name in enumerate(self._names[:k], start=1)]

    def features(self, samples: NDArray[np.float32], seconds: float = 1.0) -> NDArray[np.float32]:
        """Nothing is known of single windows."""
        raise NotImplementedError


class SoundOracle:
    """A ``Backend`` that knows what sounds and is seen, and everything about each of these classes."""

    name = "oracle"

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    async def ask(self, question: Question) -> Answer:
        """The classes that sound while they are on screen; the right frame and boxes for each."""
        if question.step == "lbru":
            return Answer(self.scene.heard)
        name = question.address.reference.removeprefix("sound-")
        group = _of_class(self.scene, [name])
        good = np.flatnonzero(self.scene.tracks.good[group].any(axis=0)).tolist()
        meant = Sentence(f"the {name}", "class", tuple(group), tuple(good))
        return await Oracle(self.scene, meant).ask(question)

    async def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    """Parse arguments, run every row on every clip, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=800_000)
    parser.add_argument("--preset", default="sound", help="sound or sound-hard")
    parser.add_argument("--backend", default="tiny", help="card name or path")
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--tagger", choices=("config", "true"), default="config")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    scores = asyncio.run(measure(options))
    rows = table(scores)
    if options.json:
        print(json.dumps(vars(options) | {"rows": rows, "scores": scores}, indent=2))
        return
    print(f"{options.backend} on {options.clips} {options.preset} clips from seed {options.seed}, M_J")
    for row in rows:
        print(_line(row))


async def measure(options: argparse.Namespace) -> dict[str, list[float]]:
    """Figures of every row, clip by clip; the rows of true answers carry ``TRUE`` in their names."""
    card = load_card(options.backend)
    settings = load_config(options.config, _ALWAYS, {} if card.kind == "none" else card.settings)
    backend = None if card.kind == "none" else make_backend(card)
    scores: dict[str, list[float]] = defaultdict(list)
    rungs = Rungs(settings, options.device)
    try:
        for seed in range(options.seed, options.seed + options.clips):
            scene = make_scene(options.preset, seed)
            tagger = TrueLabels(scene) if options.tagger == "true" else None
            for name, score in (await _clip(rungs, scene, backend, tagger)).items():
                scores[name].append(round(score, 4))
            if sys.stderr.isatty():
                print(f"\r{seed - options.seed + 1}/{options.clips}", end="", file=sys.stderr, flush=True)
    finally:
        rungs.close()
        if backend is not None:
            await backend.close()
    return dict(scores)


async def _clip(
    rungs: Rungs, scene: Scene, backend: Backend | None, tagger: Tagger | None
) -> dict[str, float]:
    """M_J of every row, and whether the sounding classes were named, all of them and nothing else."""
    video, asked = SceneReader(scene), [Query("sound", sound=True)]
    hearing = Hearing(cast(Audio, SceneSound(scene)))
    askers: dict[str, Backend] = {TRUE: SoundOracle(scene)} | ({} if backend is None else {"": backend})
    chosen = {
        f"{row}{ending}": await rungs.choose(video, asked, changes, asker, hearing, tagger)
        for ending, asker in askers.items()
        for row, changes in ROWS.items()
    }
    found = await rungs.track(video, {row: results[1:] for row, results in chosen.items()})
    meant = _of_class(scene, scene.heard)
    truth = np.stack([scene.masks(t)[meant].any(axis=0) for t in range(scene.length)])
    scores = {row: float(frame_scores(masks, truth).iou.mean()) for row, masks in found.items()}
    return scores | {
        f"{RIGHT}{ending}": float(_categories(chosen[f"LBRU Reference{ending}"]) == set(scene.heard))
        for ending in askers
    }


def table(scores: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Mean of every row, and its gain over the row before."""
    rows: list[dict[str, Any]] = []
    for ending in ("", TRUE):
        before: list[float] | None = None
        for name in [*ROWS, RIGHT]:
            values = scores.get(f"{name}{ending}")
            if values is None:
                continue
            row: dict[str, Any] = {"row": f"{name}{ending}", "mean": sum(values) / len(values)}
            if before is not None and name != RIGHT and len(values) > 1:
                row |= gain(values, before)._asdict()
            before = values
            rows.append({key: round(one, 4) if isinstance(one, float) else one for key, one in row.items()})
    return rows


def _categories(results: Sequence[TargetResult]) -> set[str]:
    return {name for heard in results[0].heard for name in heard.categories}


def _of_class(scene: Scene, names: Sequence[str]) -> list[int]:
    return [number for number, one in enumerate(scene.objects) if one.class_name in names]


def _line(row: dict[str, Any]) -> str:
    said = f"  {row['row']:<42} {row['mean']:.3f}"
    return said + (f"   {row['gain']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]" if "gain" in row else "")


if __name__ == "__main__":
    main()
