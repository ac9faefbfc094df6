"""The drawn world: clips in which every pixel and every sentence has exact truth (numpy and Pillow only)."""

from __future__ import annotations

from alref_local.world.palette import CLASSES, COLOURS
from alref_local.world.presets import PRESETS, VERSION, make_scene
from alref_local.world.scene import Scene
from alref_local.world.sentences import ObjectSpec, Sentence

__all__ = ["CLASSES", "COLOURS", "PRESETS", "VERSION", "ObjectSpec", "Scene", "Sentence", "make_scene"]
