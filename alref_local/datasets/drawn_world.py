"""The drawn world as a data set: clips by preset and seed, nothing on disk."""

from __future__ import annotations

from collections.abc import Iterator

from alref_local.datasets.item import Dataset, Drawn, Item, Reference
from alref_local.datasets.source import AnnotationsError, Source
from alref_local.datasets.truth import DrawnMasks
from alref_local.world import PRESETS

__all__ = ["DRAWN_WORLD"]


def _read(source: Source, split: str) -> Iterator[Item]:
    """``PRESET:SEED:CLIPS``; the sentence is the one that the preset makes promises about, or the sound is meant."""
    preset, _, rest = split.partition(":")
    seed, _, clips = rest.partition(":")
    if preset not in PRESETS or not (seed.isdecimal() and clips.isdecimal()) or int(clips) > 100_000:
        raise AnnotationsError(
            [
                f"'{split[:60]}' is not PRESET:SEED:CLIPS, as in ladder:800000:20 (presets: {', '.join(PRESETS)})."
            ]
        )
    for number in range(int(seed), int(seed) + int(clips)):
        yield _item(Drawn(preset, number))


def _item(clip: Drawn) -> Item:
    scene = clip.scene()
    frames = tuple(f"{t:05}" for t in range(scene.length))
    if scene.sound is not None:
        heard = Reference("sound", sound=True, truth=DrawnMasks(clip, frames, sound=True), target=True)
        return Item(f"{clip.preset}-{clip.seed}", clip, (heard,), frames, part=clip.preset)
    target = scene.target
    truth = DrawnMasks(clip, frames, target.referents)
    asked = Reference("0", target.text, truth=truth, target=bool(target.referents))
    return Item(f"{clip.preset}-{clip.seed}", clip, (asked,), frames, part=target.kind)


DRAWN_WORLD = Dataset(
    name="world",
    about="the drawn world: exact truth without files; the split is PRESET:SEED:CLIPS",
    metric="J&F",
    layout="""
nothing: clips are drawn when they are asked for
""",
    splits={"ladder:800000:20": 20},
    read=_read,
)
