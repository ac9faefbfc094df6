"""The drawn world: clips in which every pixel, sentence and sound has exact truth (numpy and Pillow only)."""

from __future__ import annotations

from alref_local.world.labels import SOUND_LABELS
from alref_local.world.palette import CLASSES, COLOURS
from alref_local.world.presets import PRESETS, VERSION, make_scene
from alref_local.world.scene import Scene
from alref_local.world.sentences import ObjectSpec, Sentence
from alref_local.world.sound import Part, Soundtrack

__all__ = [
    "CLASSES",
    "COLOURS",
    "PRESETS",
    "SOUND_LABELS",
    "VERSION",
    "ObjectSpec",
    "Part",
    "Scene",
    "Sentence",
    "Soundtrack",
    "make_scene",
]
