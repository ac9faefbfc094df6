"""What a config loads: the one list that loading, planning, pulling, checking and the hash of a run are made from."""

from __future__ import annotations

from typing import Final, NamedTuple

from alref_local.settings import Settings

__all__ = ["MASKS_LATER", "Named", "models_of", "named"]

MASKS_LATER: Final = "alref_local.perceive.later:MasksLater"
"""The segmentor that loads nothing, as a config names it."""


class Named(NamedTuple):
    """A place for a checkpoint in a config.

    Attributes:
        role: grounder, segmentor, tagger or aligner, as the engine calls its parts.
        name: of the checkpoint; ``None`` where the config leaves the place empty.
        engine: the class that is told of it.
    """

    role: str
    name: str | None
    engine: str


def named(settings: Settings, *, sound: bool) -> list[Named]:
    """Every place, in a fixed order, whatever its engine does; those that hear where ``sound`` is asked for."""
    grounding, segmentation, heard = settings.grounding, settings.segmentation, settings.sound
    found = [
        Named("grounder", grounding.model, grounding.engine),
        Named("grounder", grounding.proposals or None, grounding.engine),
        Named("segmentor", segmentation.model, segmentation.engine),
    ]
    if sound:
        taggers = [heard.model] if isinstance(heard.model, str) else heard.model
        found += [Named("tagger", name, heard.engine) for name in taggers]
        found.append(Named("aligner", heard.aligner or None, heard.aligner_engine))
    return found


def models_of(settings: Settings, *, sound: bool) -> list[tuple[str, str]]:
    """What is loaded: (role, name) of every checkpoint. What an engine of somebody else's loads is not known."""
    places = named(settings, sound=sound)
    return [(one.role, one.name) for one in places if one.name and _loads_checkpoint(one.engine)]


def _loads_checkpoint(engine: str) -> bool:
    """Whether an engine is one of this package's that loads the checkpoint named beside it."""
    return engine.startswith("alref_local.") and engine != MASKS_LATER
