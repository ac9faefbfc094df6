"""From what a person names (a video, a folder, a CSV; sentences) to a list of jobs, one per video."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from alref_local.errors import ConfigError, MediaError
from alref_local.types import SOUND, Box, Pivot, Query

__all__ = [
    *("MAX_SENTENCE", "Job", "collect_jobs", "is_list"),
    *("job_name", "parse_pivot", "queries", "with_rate"),
]

MAX_SENTENCE = 1000
"""Characters; a longer text is not a sentence, and would push the pictures out of a model's context."""

_VIDEOS = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts"),
    *(".mpg", ".mpeg", ".flv", ".wmv", ".3gp", ".ogv", ".gif"),
}
_IMAGES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True, slots=True)
class Job:
    """One video and everything that is asked of it; ``name`` is unique among the jobs collected together.

    ``audio`` is a sound file that takes the place of the video's own track, ``fps`` the rate of a folder of frames.
    """

    name: str
    source: Path
    queries: tuple[Query, ...]
    audio: Path | None = None
    fps: float | None = None

    @property
    def sounds(self) -> bool:
        """Whether the sound is asked for."""
        return any(query.sound for query in self.queries)

    @property
    def is_frames(self) -> bool:
        """Whether the source is a folder of frames or one image, which cannot say its frame rate."""
        return self.source.is_dir() or self.source.suffix.lower() in _IMAGES


def queries(
    sentences: Sequence[str], pivots: Sequence[Pivot] = (), *, sound: bool = False
) -> tuple[Query, ...]:
    """Number the sentences ``"0"``, ``"1"``, ...; pivots given by a person belong to the only sentence.

    With ``sound`` what the sentences refer to must make a sound, too; without any, whatever sounds is meant.

    Raises:
        ConfigError: a sentence is empty or too long, there is none, or pivots come with several or with sound.
    """
    if sound and pivots:
        raise ConfigError("A pivot says already what to segment.", hint="Leave --pivot or --sound out.")
    if sound and not sentences:
        return (Query(SOUND, sound=True),)
    if not sentences:
        raise ConfigError("There is no sentence.", hint='Say what to segment, as in "the dog on the left".')
    if pivots and len(sentences) > 1:
        raise ConfigError("Pivots belong to one sentence.", hint="Give one sentence, or leave --pivot out.")
    # A shell can hand over bytes that are no text.
    cleaned = [" ".join(one.encode("utf-8", "replace").decode().split()) for one in sentences]
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
    return tuple(Query(str(number), text, tuple(pivots), sound) for number, text in enumerate(cleaned))


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
    if pivot.frame < 0 or not (0 <= box.x0 < box.x1 < inf and 0 <= box.y0 < box.y1 < inf):
        raise ConfigError(
            f"The pivot '{text}' has an empty or endless box.", hint="0 <= x0 < x1 and 0 <= y0 < y1."
        )
    return pivot


def collect_jobs(
    source: Path,
    sentences: Sequence[str],
    pivots: Sequence[Pivot] = (),
    *,
    sound: bool = False,
    audio: Path | None = None,
    fps: float | None = None,
) -> list[Job]:
    """The jobs that ``source`` means.

    A video file or a folder of frames is one job, a folder of videos one job per video, and a CSV with the columns
    ``video`` and ``sentence`` one job per video with all its sentences (paths count from the CSV's folder). With
    ``sound`` sentences may be left out, in the CSV by leaving them empty; ``audio`` is a sound file for one video,
    ``fps`` the rate of every folder of frames.

    Raises:
        ConfigError: the sentences are missing or unusable, pivots or a sound file would go to several videos, a sound
            file comes without ``sound``, a rate without a folder of frames, or the CSV is malformed.
        MediaError: there is nothing to segment at ``source``.
    """
    if audio is not None and not sound:
        raise ConfigError(
            "A sound file is of no use without --sound.", hint="Add --sound, or leave --audio out."
        )
    if audio is not None and is_list(source):
        raise ConfigError(
            "A sound file belongs to one video.", hint="Name the video file, not a list of them."
        )
    if source.suffix.lower() == ".csv":
        if sentences or pivots:
            raise ConfigError(
                "The sentences stand in the CSV already.", hint="Give the CSV alone, without --pivot."
            )
        return with_rate(_named(_rows(source, sound)), fps)
    asked = queries(sentences, pivots, sound=sound)
    videos = _videos(source)
    if videos is None:
        return with_rate([Job(job_name(source), source, asked, audio)], fps)
    if pivots:
        raise ConfigError("Pivots belong to one video.", hint="Name the video file, not its folder.")
    return with_rate(_named([(video, asked) for video in videos]), fps)


def with_rate(jobs: list[Job], fps: float | None) -> list[Job]:
    """The jobs, and for the folders of frames among them this many frames per second.

    Raises:
        ConfigError: a rate is given and there are video files only.
    """
    if fps is None:
        return jobs
    if not any(job.is_frames for job in jobs):
        raise ConfigError(
            "A video file knows its own frame rate.",
            hint="Leave the frame rate out: it is for folders of frames.",
        )
    return [replace(job, fps=fps) if job.is_frames else job for job in jobs]


def is_list(source: Path) -> bool:
    """Whether ``source`` means a list of videos, each of which gets an output folder of its own."""
    return source.suffix.lower() == ".csv" or _videos(source) is not None


def _videos(source: Path) -> list[Path] | None:
    """The videos of a folder; ``None`` for one video, be it a file or a folder of frames."""
    try:
        if not source.exists():
            raise MediaError(
                f"There is no '{str(source)[:200]}'.", hint="Name a video file, a folder or a CSV."
            )
        if not source.is_dir():
            return None
        names = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise MediaError(
            f"'{str(source)[:200]}' cannot be read: {error.strerror}.", hint="Name a video."
        ) from error
    frames = sum(path.suffix.lower() in _IMAGES for path in names)
    videos = [path for path in names if path.suffix.lower() in _VIDEOS]
    if not frames and not videos:
        raise MediaError(
            f"The folder '{source}' holds neither frames nor videos.", hint="Frames are JPEG, PNG or WebP."
        )
    return videos if len(videos) >= frames else None


def _rows(path: Path, sound: bool) -> list[tuple[Path, tuple[Query, ...]]]:
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
    for line, row in enumerate(rows, start=2):
        if None in row or not row["video"]:
            raise ConfigError(
                f"Line {line} of '{path}' does not fit its columns.",
                hint="Quote a sentence that holds a comma.",
            )
        said = wanted.setdefault(path.parent / row["video"], [])
        if row["sentence"] or not sound:
            said.append(row["sentence"] or "")
    return [(video, queries(sentences, sound=sound)) for video, sentences in wanted.items()]


def _named(found: Sequence[tuple[Path, tuple[Query, ...]]]) -> list[Job]:
    """Jobs whose names differ, whatever the file system thinks of upper case."""
    jobs: list[Job] = []
    taken: set[str] = set()
    for path, asked in found:
        name = plain = job_name(path)
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.lower())
        jobs.append(Job(name, path, asked))
    return jobs


def job_name(path: Path) -> str:
    """The name of a video, which names its folder and its questions, and cannot lead out of that folder's parent."""
    whole = path.resolve()
    return re.sub(r"[^\w.-]+", "_", whole.name if whole.is_dir() else whole.stem).lstrip(".-")[:80] or "video"
