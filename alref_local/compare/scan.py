"""Goes through the videos that all runs have, one at a time, and says what each run made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from alref_local.compare.agree import ClipPair, clip_pairs, heard_pairs, mask_iou
from alref_local.compare.judge import Judge
from alref_local.compare.runs import ComparedRun, ItemRun, Row
from alref_local.datasets import Item, find_dataset
from alref_local.datasets.source import Source
from alref_local.errors import ConfigError
from alref_local.evaluate.names import folder_names
from alref_local.evaluate.tasks import query_ids
from alref_local.types import ClipReasoned, TargetResult

__all__ = ["MAIN_SCORES", "ComparedItem", "Leftover", "Sentence", "SentencePair", "Walk", "main_score"]

MAIN_SCORES = ("J&F", "M_J")
"""By what runs are compared first."""

_OWN_SCORES = ("J&F by number", *MAIN_SCORES)


def main_score(row: Row | None) -> float | None:
    """By what a sentence is right or wrong: from half of it on, as in precision at 0.5.

    Of Ref-DAVIS17 that is the figure by number: the matched one may be of another sentence's mask.
    """
    return next((row[name] for name in _OWN_SCORES if row and name in row), None)


@dataclass(frozen=True, slots=True)
class SentencePair:
    """Two runs (by number) on one sentence; ``masks`` is the mean IoU of their masks, if they are of one form."""

    a: int
    b: int
    clips: tuple[ClipPair, ...]
    heard: tuple[tuple[bool, float], ...]
    masks: float | None

    @property
    def differs(self) -> bool:
        """They chose another pivot frame, another box, or heard other things."""
        return any(clip.differs for clip in self.clips) or any(not same for same, _ in self.heard)


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is asked of a video, and what the runs made of it.

    Attributes:
        id: of the query.
        text: the sentence; empty if whatever sounds is meant.
        row: the name of its scores, if it has its own.
        results: by run.
        clips: by run, what was settled about it clip by clip; of sound, about each thing.
        pairs: every two runs.
        judge: says whether a pivot is right, if the truth is known.
    """

    id: str
    text: str
    row: str | None
    results: tuple[TargetResult, ...]
    clips: tuple[tuple[ClipReasoned, ...], ...]
    pairs: tuple[SentencePair, ...]
    judge: Judge | None


@dataclass(frozen=True, slots=True)
class ComparedItem:
    """One video.

    Attributes:
        name: of its run folders.
        id: as published, where a run says so.
        kind: the part of the data set, or the kind of its sentence; empty where the data set is not at hand.
        runs: what each run says about it.
        sentences: asked in all runs in the same words.
    """

    name: str
    id: str
    kind: str
    runs: tuple[ItemRun, ...]
    sentences: tuple[Sentence, ...]

    def score(self, run: int, sentence: Sentence) -> Row | None:
        """Scores of a sentence, if it has its own."""
        return None if sentence.row is None else self.runs[run].rows.get(sentence.row)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A video or sentence that is not compared, and why."""

    id: str
    why: str


@dataclass
class Walk:
    """Iterates over the videos of several runs; nothing grows with their number but ``left_out``.

    Attributes:
        runs: the runs.
        root: folder of the data set, which knows kinds and truth; the drawn world needs none.
        left_out: filled on the way.
    """

    runs: Sequence[ComparedRun]
    root: Path | None = None
    left_out: list[Leftover] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the videos that all runs have.

        Raises:
            ConfigError: there is none.
        """
        names = [set(run.items) for run in self.runs]
        self.shared = set.intersection(*names)
        if not self.shared:
            raise ConfigError(
                "The runs have no video in common.",
                hint="Compare runs of one data set, or of the same videos.",
            )
        self._published = {folder: id for run in self.runs for folder, id in run.published.items()}
        for name in sorted(set.union(*names) - self.shared):
            has = [run.label for run in self.runs if name in run.items]
            self.left_out.append(Leftover(self._id(name), f"only in {', '.join(has)}"))

    def __len__(self) -> int:
        """Videos that all runs have."""
        return len(self.shared)

    def __iter__(self) -> Iterator[ComparedItem]:
        """In the order of the data set, as far as that is known.

        Raises:
            ConfigError: the data set cannot be read.
        """
        order = (*self._published, *self.runs[0].items)
        waiting = dict.fromkeys(name for name in order if name in self.shared)
        for item in self._dataset():
            name = folder_names([item.id])[item.id]
            if name in waiting:
                del waiting[name]
                yield from self._opened(name, item)
        for name in waiting:
            yield from self._opened(name, None)

    def _dataset(self) -> Iterator[Item]:
        known = {(run.result.get("dataset"), run.result.get("split")) for run in self.runs}
        name, split = known.pop()
        if known or not name or (self.root is None and name != "world"):
            return iter(())
        return find_dataset(name).read(Source(self.root or Path()), str(split))

    def _id(self, name: str) -> str:
        return self._published.get(name, name)

    def _opened(self, name: str, item: Item | None) -> Iterator[ComparedItem]:
        id = self._id(name) if item is None else item.id
        try:
            runs = tuple(run.open(name, id) for run in self.runs)
        except ConfigError as error:
            self.left_out.append(Leftover(id, str(error)))
            return
        yield ComparedItem(name, id, item.part if item else "", runs, tuple(self._sentences(id, runs, item)))

    def _sentences(self, id: str, runs: Sequence[ItemRun], item: Item | None) -> Iterator[Sentence]:
        rows = _rows(runs, item)
        judges = {} if item is None else {query: Judge.of(item, query) for query in query_ids(item).values()}
        for query, first in runs[0].results.items():
            results = [found for run in runs if (found := run.results.get(query))]
            if first.query.category:  # a thing that is heard belongs to the sound
                continue
            if len(results) < len(runs) or len({one.query.text for one in results}) > 1:
                self.left_out.append(Leftover(f"{id}, {query}", "not asked in the same words in all runs"))
                continue
            clips = tuple(_clips(run, result) for run, result in zip(runs, results, strict=True))
            pairs = tuple(
                SentencePair(
                    a,
                    b,
                    tuple(clip_pairs(clips[a], clips[b])),
                    tuple(heard_pairs(results[a].heard, results[b].heard)),
                    mask_iou(results[a], results[b]),
                )
                for a, b in combinations(range(len(runs)), 2)
            )
            yield Sentence(
                query, first.query.text, rows.get(query), tuple(results), clips, pairs, judges.get(query)
            )


def _clips(run: ItemRun, result: TargetResult) -> tuple[ClipReasoned, ...]:
    """Of a sentence its own; of whatever sounds, those of all things."""
    if result.query.text:
        return result.clips
    return tuple(clip for one in run.results.values() if one.query.category for clip in one.clips)


def _rows(runs: Sequence[ItemRun], item: Item | None) -> Mapping[str, str]:
    """By query, the name of its scores."""
    if item is not None:
        ids = query_ids(item)
        return {ids[one.id]: f"{one.group}/{one.object}" if one.group else one.id for one in item.references}
    published = dict.fromkeys(row for run in runs for row in run.rows)
    return {query: row for row, query in folder_names(published).items()}
