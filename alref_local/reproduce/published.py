"""The replies and sound events that the authors publish with their code, in the form in which they publish them.

``gpt_results/SUBSET/cot_stage_1_outputs.json`` says by video what sounds and which frame shows it best, as the text of
a dictionary; ``cot_stage_2_outputs.json`` which box holds each thing, where their detector found more than one;
``audio_segment/SUBSET_audio_segment.json`` where one sound ends and another begins, in seconds.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from alref_local.errors import ConfigError

__all__ = ["Published", "Reply", "read_published"]

_FRAMES = TypeAdapter(dict[str, str])
_BOXES = TypeAdapter(dict[str, str | dict[str, str]])
_EVENTS = TypeAdapter(dict[str, list[tuple[float, float]]])
_FRAME_OF = TypeAdapter(dict[str, int])


@dataclass(frozen=True, slots=True)
class Reply:
    """What was said of one video.

    Attributes:
        frames: number of the best frame, from 1, by the thing that sounds; none where nothing was found.
        boxes: number of the box, from 1, by thing; a thing of which there was at most one box is not among them.
    """

    frames: dict[str, int]
    boxes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Published:
    """One subset of AVSBench: replies by video, and sound events ``[start, stop)`` in seconds where there are any."""

    replies: dict[str, Reply]
    events: dict[str, list[tuple[float, float]]]


def read_published(folder: Path, subset: str) -> Published | None:
    """The replies of a subset (``s4``, ``ms3``, ``v2_binary``, ``avss``); ``None`` if the folder has none of it.

    Args:
        folder: the authors' folder ``avs``.
        subset: as they call it.

    Raises:
        ConfigError: a file is not of their form.
    """
    answers = folder / "gpt_results" / subset
    events = folder / "audio_segment" / f"{subset}_audio_segment.json"
    if not answers.is_dir():
        return None
    frames = _read(answers / "cot_stage_1_outputs.json", _FRAMES)
    boxes = _read(answers / "cot_stage_2_outputs.json", _BOXES)
    try:
        replies = {video: _reply(text, boxes.get(video, {})) for video, text in frames.items()}
    except (ValueError, SyntaxError) as error:
        raise ConfigError(
            f"A reply in {answers} is not of the authors' form.", hint=str(error).partition("\n")[0]
        ) from error
    return Published(replies, _read(events, _EVENTS) if events.is_file() else {})


def _reply(text: str, boxes: str | dict[str, str]) -> Reply:
    """Of S4, where one thing sounds, the box stands alone."""
    frames = _FRAME_OF.validate_python(ast.literal_eval(text))
    by_thing = boxes if isinstance(boxes, dict) else dict.fromkeys(frames, boxes)
    if unknown := by_thing.keys() - frames.keys():
        raise ValueError(f"there is a box of '{min(unknown)}', but no frame")
    return Reply(frames, {thing: int(number) for thing, number in by_thing.items()})


def _read(file: Path, form: TypeAdapter[Any]) -> Any:
    try:
        return form.validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not of the authors' form"
        raise ConfigError(
            f"{file} cannot be used: {reason}.", hint="It is part of the authors' folder `avs`."
        ) from error
