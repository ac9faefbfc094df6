"""Adds up what two runs made of the same videos."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict

from alref_local.compare.agree import single_answers
from alref_local.compare.asked import answers
from alref_local.compare.measures import clip_measures, comparable, sentence_measures, words
from alref_local.compare.result import Disagreement, PairSummary, Right, ScorePair
from alref_local.compare.runs import ComparedRun
from alref_local.compare.sample import Samples, estimates
from alref_local.compare.scan import ComparedItem, Sentence, SentencePair, main_score
from alref_local.compare.statistics import exact_mcnemar

__all__ = ["PairTally"]

_SHOWN = 20
"""Disagreements that are told one by one."""

_RIGHT = 0.5
"""Score from which a sentence is right."""


class PairTally:
    """Of the runs with the numbers ``a`` and ``b``."""

    def __init__(self, a: int, b: int) -> None:
        self._pair = (a, b)
        self._ours, self._theirs, self._differences = Samples(), Samples(), Samples()
        self._agreement, self._single = Samples(), Samples()
        self._by: defaultdict[str, defaultdict[str, Samples]] = defaultdict(lambda: defaultdict(Samples))
        self._right: defaultdict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
        self._disagreeing = 0
        self._worst: list[tuple[float, int, Disagreement]] = []

    def add(self, item: ComparedItem, video: int) -> None:
        """Take the next video."""
        ours, theirs = (item.runs[run] for run in self._pair)
        for name, row in ours.rows.items():
            other = theirs.rows.get(name, {})
            for score in (score for score in row if score in other):
                self._ours[score].add(row[score], video)
                self._theirs[score].add(other[score], video)
                self._differences[score].add(row[score] - other[score], video)
                if item.kind:
                    self._by["kind"][item.kind][score].add(row[score] - other[score], video)
        said = answers(ours.calls), answers(theirs.calls)
        if any(len(samples) > 1 for one in said for samples in one.values()):
            keys = {key for sentence in item.sentences for key in comparable(sentence, self._pair)}
            for measure, value in single_answers(*said, keys):
                self._single[measure].add(value, video)
        for sentence in item.sentences:
            (pair,) = [one for one in sentence.pairs if (one.a, one.b) == self._pair]
            self._agree(item, sentence, pair, video)
            if pair.differs:
                self._disagree(item, sentence, pair)

    def summary(self, ours: ComparedRun, theirs: ComparedRun) -> PairSummary:
        """What it comes to."""
        asked = [(run.card.get("name"), run.card.get("model")) for run in (ours, theirs)]
        differences = estimates(self._differences, draws=10_000)
        return PairSummary(
            a=ours.label,
            b=theirs.label,
            one_model=asked[0] == asked[1],
            scores={
                name: ScorePair(
                    self._ours[name].mean,
                    self._theirs[name].mean,
                    difference,
                    p := self._differences[name].sign_flip(),
                    p,
                )
                for name, difference in differences.items()
            },
            agreement=estimates(self._agreement),
            single=estimates(self._single),
            right={step: _right(cases) for step, cases in self._right.items()},
            by={
                name: {group: estimates(found[group], draws=1_000) for group in sorted(found, key=_numeric)}
                for name, found in self._by.items()
            },
            disagreeing=self._disagreeing,
            disagreements=tuple(
                one for _, _, one in sorted(self._worst, key=lambda told: told[:2], reverse=True)
            ),
            totals=_totals(ours, theirs),
        )

    def _agree(self, item: ComparedItem, sentence: Sentence, pair: SentencePair, video: int) -> None:
        groups = [self._by["words"][words(sentence)]] if sentence.text else []
        if groups:
            ours, theirs = (item.score(run, sentence) or {} for run in self._pair)
            for score in (score for score in ours if score in theirs):
                groups[0][score].add(ours[score] - theirs[score], video)
        if item.kind:
            groups.append(self._by["kind"][item.kind])
        for measure, value in sentence_measures(pair):
            for samples in (self._agreement, *groups):
                samples[measure].add(value, video)
        for clip in pair.clips:
            for measure, value in clip_measures(clip):
                of_frame = measure.startswith("pivot_frame")
                name, group = ("sampled frames", clip.length) if of_frame else ("candidates", clip.candidates)
                self._by[name][str(group)][measure].add(value, video)

    def _disagree(self, item: ComparedItem, sentence: Sentence, pair: SentencePair) -> None:
        self._disagreeing += 1
        a, b = (main_score(item.score(run, sentence)) for run in self._pair)
        if a is not None and b is not None:
            self._right["masks"][a >= _RIGHT, b >= _RIGHT] += 1
        for clip in pair.clips:
            if sentence.judge is None or clip.ours.query_id != sentence.id:
                continue
            ours, theirs = (sentence.judge.judge(item.runs[0].video, one) for one in (clip.ours, clip.theirs))
            if clip.exact is False and ours.frame is not None and theirs.frame is not None:
                self._right["pivot_frame"][ours.frame, theirs.frame] += 1
            if clip.same is False and ours.box is not None and theirs.box is not None:
                self._right["pivot_box"][ours.box, theirs.box] += 1
        frames = [tuple(clip.frame for clip in sentence.clips[run]) for run in self._pair]
        told = Disagreement(item.id, sentence.id, sentence.text, (a, b), (frames[0], frames[1]), pair.masks)
        gap = abs(a - b) if a is not None and b is not None else 1 - (pair.masks or 0.0)
        heapq.heappush(self._worst, (gap, -self._disagreeing, told))
        if len(self._worst) > _SHOWN:
            heapq.heappop(self._worst)


def _right(cases: Counter[tuple[bool, bool]]) -> Right:
    only_a, only_b = cases[True, False], cases[False, True]
    return Right(cases[True, True], only_a, only_b, cases[False, False], exact_mcnemar(only_a, only_b))


def _totals(ours: ComparedRun, theirs: ComparedRun) -> dict[str, tuple[float, float]]:
    """Figures of data sets whose videos have none (AVSS)."""
    if any(row for run in (ours, theirs) for row in run.result.get("rows", {}).values()):
        return {}
    a, b = (run.result.get("scores", {}) for run in (ours, theirs))
    return {name: (a[name], b[name]) for name in a if name in b}


def _numeric(group: str) -> tuple[int, str]:
    """Numbers in their order, then words in theirs."""
    digits = group.partition("-")[0].partition(" ")[0]
    return (int(digits), "") if digits.isdecimal() else (-1, group)
