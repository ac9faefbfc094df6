"""What sounds when, on the drawn world's sounds: no filter, the paper's rule and the config's own side by side.

    python scripts/bench/silence.py --clips 200 --seed 900000 --preset sound [--json]

The answers are true ones: LBRU names the classes that sound and are seen, pivots are right. So all that differs between
the rows is which frames are emptied; "truth" empties the right ones. Rows with ", true names" cut the sound by the same
rule and are then told what sounds in each piece: what they lack is lost by the cuts, the rest by the aligner.

    pairs        share of (class, frame) pairs in which it is known rightly whether the class sounds
    off screen   share of the frames in which only something off screen sounds whose mask is empty
    M_J          AVSBench's, against what sounds in the frame (where nothing does: the share of pixels left free)

Seeds of 900,000 and above are for reported figures only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from alref_local.configs import load_config
from alref_local.engine import Engine
from alref_local.media.audio import Audio
from alref_local.metrics import gain
from alref_local.metrics.avs import frame_scores
from alref_local.select.sounding import middles, sounds_at, text_of
from alref_local.select.stretches import Hearing, listening
from alref_local.strategies.silence import when
from alref_local.types import Query
from alref_local.world import Scene, make_scene
from alref_local.world.reader import SceneReader
from alref_local.world.tones import RATE
from rungs import Masks, Rungs
from sound import SceneSound, SoundOracle

__all__ = ["RULES", "Clip", "Judge", "TrueNames", "score", "table"]

NONE, TRUTH, TOLD = "no filter", "truth", ", true names"
PAPER = {"silence": False, "events": {"window": 1.0, "steps": 1, "threshold": 0.5, "level": None}}
RULES: dict[str, dict[str, Any]] = {"paper": {"sound": PAPER}, "config": {}}
"""Settings of the rules, laid over the config's."""

Flags = NDArray[np.bool_]


class Clip(NamedTuple):
    """A row's figures on one clip: right and all pairs, empty and all frames of sounds off screen, M_J."""

    right: int
    pairs: int
    empty: int
    elsewhere: int
    m_j: float


class TrueNames:
    """An ``Aligner`` that knows what sounds in a clip, if it is given all of its sound piece by piece, in order."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._sounding = true_sounding(scene, scene.heard)

    def similarity(
        self, segments: Sequence[NDArray[np.float32]], texts: Sequence[str]
    ) -> NDArray[np.float32]:
        """1 for what sounds in most frames of a piece, less for what shares names with it."""
        ends = np.cumsum([len(one) for one in segments]) / RATE * self._scene.fps
        middles = np.arange(self._scene.length) + 0.5
        places = np.searchsorted(ends, middles, side="right")
        rows = [
            {name for name, on in self._sounding.items() if on[places == number].mean() > 0.5}
            if (places == number).any()
            else set()
            for number in range(len(segments))
        ]
        said = [set(text.split(", ")) - {text_of(())} for text in texts]
        alike = [[(1 + len(row & one)) / (1 + len(row | one)) for one in said] for row in rows]
        return np.array(alike, np.float32)

    def text_similarity(self, texts: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
        """Nothing is known of texts."""
        raise NotImplementedError


class Judge:
    """Says what sounds when under changing settings; the models load once.

    Args:
        engine: its aligner and tagger judge.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._settings = engine, engine.settings

    def close(self) -> None:
        """Let the models go."""
        self._engine.close()

    async def sounding(self, scene: Scene, names: Sequence[str], rule: str) -> dict[str, Flags]:
        """``(n,)`` by class: whether it is held to sound in each frame of a clip."""
        if rule == NONE:
            return {name: np.ones(scene.length, np.bool_) for name in names}
        if rule == TRUTH:
            return true_sounding(scene, names)
        engine = self._engine
        if rule.endswith(TOLD):
            await engine.perceive(lambda: self._engine.tagger)  # loaded before it is shared
            engine = engine.beside()
            engine.aligner = TrueNames(scene)
        engine.settings = self._settings.overridden(RULES[rule.removesuffix(TOLD)])
        video, hearing = SceneReader(scene), Hearing(cast(Audio, SceneSound(scene)))
        plan = listening(video.timestamps(), video.fps, engine.settings)
        spans = await when(names, plan, hearing, engine)
        return {name: sounds_at(middles(video.timestamps(), plan.stop), one) for name, one in spans.items()}


def main() -> None:
    """Parse arguments, run every rule on every clip, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=800_000)
    parser.add_argument("--preset", default="sound", help="sound or sound-hard")
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    clips = asyncio.run(measure(options))
    rows = table(clips)
    if options.json:
        print(json.dumps(vars(options) | {"rows": rows, "scores": clips}, indent=2))
        return
    print(f"{options.config} on {options.clips} {options.preset} clips from seed {options.seed}")
    for row in rows:
        print(_line(row))


async def measure(options: argparse.Namespace) -> dict[str, list[Clip]]:
    """Figures of every rule, clip by clip."""
    settings = load_config(options.config, {"pivots": {"select": "many"}})
    judged = [*RULES] if settings.sound.aligner else []
    rules = [NONE, *judged, *(f"{rule}{TOLD}" for rule in RULES), TRUTH]
    rungs, judge = Rungs(settings, options.device), Judge(Engine(settings, device=options.device))
    found: dict[str, list[Clip]] = defaultdict(list)
    try:
        for seed in range(options.seed, options.seed + options.clips):
            scene = make_scene(options.preset, seed)
            masks = await _masks(rungs, scene)
            for rule in rules:
                sounding = await judge.sounding(scene, list(masks), rule)
                found[rule].append(score(scene, masks, sounding))
            if sys.stderr.isatty():
                print(f"\r{seed - options.seed + 1}/{options.clips}", end="", file=sys.stderr, flush=True)
    finally:
        rungs.close()
        judge.close()
    return dict(found)


async def _masks(rungs: Rungs, scene: Scene) -> dict[str, Masks]:
    """``(n, H, W)`` by class that sounds and is seen, through the whole clip, with true answers."""
    video, hearing = SceneReader(scene), Hearing(cast(Audio, SceneSound(scene)))
    asked, unfiltered = [Query("sound", sound=True)], {"sound": {"aligner": None}}
    chosen = await rungs.choose(video, asked, unfiltered, SoundOracle(scene), hearing)
    return await rungs.track(video, {one.query.category: [one] for one in chosen[1:]})


def true_sounding(scene: Scene, names: Iterable[str]) -> dict[str, Flags]:
    """``(n,)`` by class: whether an object of it sounds in each frame."""
    on, classes = _on(scene), [one.class_name for one in scene.objects]
    mine = {name: [number for number, one in enumerate(classes) if one == name] for name in names}
    return {name: np.asarray(on[:, some].any(axis=1)) for name, some in mine.items()}


def score(scene: Scene, masks: Mapping[str, Masks], sounding: Mapping[str, Flags]) -> Clip:
    """One rule on one clip."""
    frames, on, true = range(scene.length), _on(scene), true_sounding(scene, masks)
    shown = np.zeros((scene.length, *scene.size), np.bool_)
    for name, one in masks.items():
        shown |= one & sounding[name][:, None, None]
    real = np.stack([scene.masks(t)[on[t]].any(axis=0) for t in frames])
    parts = scene.sound.parts if scene.sound else ()
    away = np.array([any(part.actor is None and part.at(t) for part in parts) for t in frames])
    alone = away & ~on.any(axis=1)
    return Clip(
        right=sum(int((sounding[name] == true[name]).sum()) for name in masks),
        pairs=scene.length * len(masks),
        empty=int((~shown[alone].any(axis=(1, 2))).sum()),
        elsewhere=int(alone.sum()),
        m_j=round(float(frame_scores(shown, real).iou.mean()), 4),
    )


def _on(scene: Scene) -> Flags:
    """``(n, objects)``: which of them sound in each frame."""
    return np.stack([scene.sounding(t) for t in range(scene.length)])


def table(clips: dict[str, list[Clip]]) -> list[dict[str, Any]]:
    """Every row's shares over all clips, its mean M_J, and its gain over no filter with a 95 % interval."""
    rows: list[dict[str, Any]] = []
    for rule, some in clips.items():
        right, pairs, empty, elsewhere, _ = np.sum(some, axis=0)
        row: dict[str, Any] = {
            "rule": rule,
            "pairs": right / max(pairs, 1),
            "off screen": empty / elsewhere if elsewhere else None,
            "M_J": float(np.mean([one.m_j for one in some])),
        }
        if rule != NONE and len(some) > 1:
            row |= gain([one.m_j for one in some], [one.m_j for one in clips[NONE]])._asdict()
        rows.append(
            {key: round(float(one), 4) if isinstance(one, int | float) else one for key, one in row.items()}
        )
    return rows


def _line(row: dict[str, Any]) -> str:
    away = "  -  " if row["off screen"] is None else f"{row['off screen']:.3f}"
    said = f"  {row['rule']:<18} pairs {row['pairs']:.3f}  off screen {away}  M_J {row['M_J']:.3f}"
    return said + (f"  {row['gain']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]" if "gain" in row else "")


if __name__ == "__main__":
    main()
