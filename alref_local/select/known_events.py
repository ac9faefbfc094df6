"""Sound events that are known, say by another detector, in the place of those that are cut here."""

from __future__ import annotations

from pathlib import Path

from pydantic import NonNegativeFloat, TypeAdapter, ValidationError

from alref_local.errors import ConfigError
from alref_local.types import Spans

__all__ = ["known_events"]

_FILE = TypeAdapter(dict[str, list[tuple[NonNegativeFloat, NonNegativeFloat]]])


def known_events(file: Path, video: str) -> Spans:
    """The seconds ``[start, stop)`` of a video's sound events, in order; none if the file does not know it.

    Args:
        file: JSON, ``{video: [[start, stop], ...]}``.
        video: its name.

    Raises:
        ConfigError: the file is missing or not of that form, or events of the video overlap.
    """
    hint = 'sound.events.known is a JSON file of the form {"video": [[0, 2], [2, 5]]}.'
    try:
        found = sorted(_FILE.validate_json(file.read_bytes()).get(video, []))
    except (OSError, ValidationError) as error:
        reason = (
            (error.strerror or "") if isinstance(error, OSError) else "it is not of the form that is read"
        )
        raise ConfigError(f"The sound events in {file} cannot be used: {reason}.", hint=hint) from error
    edges = [edge for event in found for edge in event]
    if edges != sorted(edges):
        raise ConfigError(
            f"The sound events of {video} in {file} overlap, or end before they begin.", hint=hint
        )
    return tuple(found)
