"""Builds a report: one video after another, nothing kept of it but a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from alref_local.compare import Comparison
from alref_local.compare.runs import ComparedRun, open_runs
from alref_local.compare.scan import ComparedItem, Sentence, Walk, main_score
from alref_local.compare.tally import Tally
from alref_local.report.folder import ReportFolder
from alref_local.report.media import ItemMedia
from alref_local.report.overview import overview
from alref_local.report.sentences import sentence_page

__all__ = ["report"]

_SHARD = 500
"""Sentences in one file of the list."""


def report(
    runs: Sequence[str | Path],
    out: str | Path,
    *,
    root: str | Path | None = None,
    through: Callable[[Walk], Iterable[ComparedItem]] = lambda walk: walk,
) -> tuple[Path, Comparison]:
    """Write a page about runs over the same videos that opens from disk.

    Args:
        runs: folders that ``evaluate`` or ``segment`` wrote.
        out: folder of the report.
        root: folder of the data set, which knows kinds and truth; the drawn world needs none.
        through: shows progress of the walk.

    Returns:
        The page, and the comparison that it shows.

    Raises:
        ConfigError: there is no run, they have no video in common, or the folder cannot be used.
        MediaError: a mask of the data set cannot be read.
    """
    opened = open_runs([Path(run) for run in runs])
    walk, tally = Walk(opened, None if root is None else Path(root)), Tally(opened)
    folder = ReportFolder(Path(out))
    lists = _Lists(folder)
    for number, item in enumerate(through(walk)):
        media = ItemMedia(item, number, folder)
        folder.write_data(f"items/{number:06d}", _page(item, media))
        for row in _rows(item, number, media):
            lists.add(row)
        tally.add(item)
    found = tally.comparison(walk.left_out)
    page = overview(found, shards=lists.close())
    folder.write_data("report", _head(opened))
    return folder.finish(page), found


class _Lists:
    """The list of sentences, in several files."""

    def __init__(self, folder: ReportFolder) -> None:
        self._folder, self._rows, self._shards = folder, list[dict[str, Any]](), 0

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) == _SHARD:
            self._write()

    def close(self) -> int:
        """The number of files."""
        if self._rows:
            self._write()
        return self._shards

    def _write(self) -> None:
        self._folder.write_data(f"list/{self._shards:03d}", self._rows)
        self._rows.clear()
        self._shards += 1


def _head(runs: Sequence[ComparedRun]) -> dict[str, Any]:
    return {"runs": [{"label": run.label, "backend": run.card.get("name", "")} for run in runs]}


def _page(item: ComparedItem, media: ItemMedia) -> dict[str, Any]:
    video = item.runs[0].video
    return {
        "id": item.id,
        "kind": item.kind,
        "width": video.width,
        "height": video.height,
        "fps": video.fps,
        "frames": len(video.frame_names),
        "times": media.times,
        "videos": media.videos,
        "seconds": [round(one.seconds, 2) for one in item.runs],
        "sentences": [sentence_page(item, sentence, media) for sentence in item.sentences],
    }


def _rows(item: ComparedItem, number: int, media: ItemMedia) -> Iterator[dict[str, Any]]:
    """What the list knows of each sentence."""
    for place, sentence in enumerate(item.sentences):
        scores = [main_score(item.score(run, sentence)) for run in range(len(item.runs))]
        yield {
            "number": number,
            "place": place,
            "item": item.id,
            "sentence": sentence.id,
            "text": sentence.text,
            "kind": item.kind,
            "scores": [None if one is None else round(one, 4) for one in scores],
            "status": [result.status for result in sentence.results],
            "differs": sorted(_differences(sentence)),
            "masks": min((one.masks for one in sentence.pairs if one.masks is not None), default=None),
            "thumbs": media.thumbs(sentence),
        }


def _differences(sentence: Sentence) -> set[str]:
    """In what any two runs differ."""
    clips = [clip for pair in sentence.pairs for clip in pair.clips]
    found = {"frame" for clip in clips if clip.exact is False} | {
        "box" for clip in clips if clip.same is False
    }
    return found | {"references" for pair in sentence.pairs for same, _ in pair.heard if not same}
