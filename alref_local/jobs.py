"""From what a person names (a video, a folder, a CSV; sentences) to a list of jobs, one per video."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alref_local.errors import ConfigError, MediaError
from alref_local.types import Box, Pivot, Query

__all__ = ["MAX_SENTENCE", "Job", "collect_jobs", "parse_pivot", "queries"]

MAX_SENTENCE = 1000
"""Characters; a longer text is not a sentence, and would push the pictures out of a model's context."""

_VIDEOS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"}
_IMAGES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True, slots=True)
class Job:
    """One video and everything that is asked of it; ``name`` is unique among the jobs collected together."""

    name: str
    source: Path
    queries: tuple[Query, ...]


def queries(sentences: Sequence[str], pivots: Sequence[Pivot] = ()) -> tuple[Query, ...]:
    """Number the sentences ``"0"``, ``"1"``, ...; pivots given by a person belong to the only sentence.

    Raises:
        ConfigError: a sentence is empty or too long, there is none, or pivots come with several.
    """
    if not sentences:
        raise ConfigError("There is no sentence.", hint='Say what to segment, as in "the dog on the left".')
    if pivots and len(sentences) > 1:
        raise ConfigError("Pivots belong to one sentence.", hint="Give one sentence, or leave --pivot out.")
    cleaned = [" ".join(sentence.split()) for sentence in sentences]
    for sentence in cleaned:
        if not sentence:
            raise ConfigError(
                "A sentence is empty.", hint='Say what to segment, as in "the dog on the left".'
            )
        if len(sentence) > MAX_SENTENCE:
            raise ConfigError(
                f"A sentence has {len(sentence)} characters; at most {MAX_SENTENCE} are read.",
                hint="Shorten it.",
            )
    return tuple(Query(str(number), text, tuple(pivots)) for number, text in enumerate(cleaned))


def parse_pivot(text: str) -> Pivot:
    """``FRAME:x0,y0,x1,y1`` as a person writes it.

    Raises:
        ConfigError: it is not of that form, or the box is empty.
    """
    frame, _, corners = text.partition(":")
    try:
        box = Box(*(float(number) for number in corners.split(",")))
        pivot = Pivot(clip=0, frame=int(frame), box=box)
    except (TypeError, ValueError):
        raise ConfigError(f"'{text}' is not a pivot.", hint="Write it as FRAME:x0,y0,x1,y1.") from None
    if pivot.frame < 0 or not (0 <= box.x0 < box.x1 and 0 <= box.y0 < box.y1):
        raise ConfigError(
            f"The pivot '{text}' has an empty box or a negative number.", hint="x0 < x1 and y0 < y1."
        )
    return pivot


def collect_jobs(source: Path, sentences: Sequence[str], pivots: Sequence[Pivot] = ()) -> list[Job]:
    """The jobs that ``source`` means.

    A video file or a folder of frames is one job, a folder of videos one job per video, and a CSV with the columns
    ``video`` and ``sentence`` one job per video with all its sentences (paths count from the CSV's folder).

    Raises:
        ConfigError: the sentences are missing or unusable, or the CSV is malformed.
        MediaError: there is nothing to segment at ``source``.
    """
    if source.suffix.lower() == ".csv":
        if sentences:
            raise ConfigError(
                "The sentences stand in the CSV already.", hint="Leave them out of the command."
            )
        return _from_csv(source)
    asked = queries(sentences, pivots)
    if not source.exists():
        raise MediaError(f"There is no '{source}'.", hint="Name a video file, a folder or a CSV.")
    if not source.is_dir():
        return [Job(source.stem, source, asked)]
    names = sorted(source.iterdir())
    if any(path.suffix.lower() in _IMAGES for path in names):
        return [Job(source.resolve().name, source, asked)]
    videos = [path for path in names if path.suffix.lower() in _VIDEOS]
    if not videos:
        raise MediaError(
            f"The folder '{source}' holds neither frames nor videos.", hint="Frames are JPEG, PNG or WebP."
        )
    return _unique([(path, asked) for path in videos])


def _from_csv(path: Path) -> list[Job]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            f"The list '{path}' cannot be read: {error}.", hint="It is a CSV file in UTF-8."
        ) from error
    if not rows or not {"video", "sentence"} <= set(rows[0]):
        raise ConfigError(
            f"The list '{path}' lacks the columns video,sentence.", hint="Its first line names them."
        )
    wanted: dict[Path, list[str]] = {}
    for row in rows:
        wanted.setdefault(path.parent / (row["video"] or ""), []).append(row["sentence"] or "")
    return _unique([(video, queries(sentences)) for video, sentences in wanted.items()])


def _unique(found: Sequence[tuple[Path, tuple[Query, ...]]]) -> list[Job]:
    """Jobs whose names differ, so that each has an output folder of its own."""
    stems = [path.stem for path, _ in found]
    jobs = []
    for position, (path, asked) in enumerate(found):
        twice = stems.count(path.stem) > 1
        jobs.append(Job(f"{path.stem}-{position}" if twice else path.stem, path, asked))
    return jobs
