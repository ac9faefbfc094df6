"""Adds up compared videos, one at a time; what it keeps is a few numbers for each sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from alref_local.compare.agree import within_answers
from alref_local.compare.asked import Asked, answers, asked
from alref_local.compare.measures import judged
from alref_local.compare.pair_tally import PairTally
from alref_local.compare.result import Comparison, PairSummary, RunSummary
from alref_local.compare.runs import ComparedRun
from alref_local.compare.sample import Samples, estimates
from alref_local.compare.scan import ComparedItem, Leftover
from alref_local.compare.statistics import holm

__all__ = ["Tally"]


class Tally:
    """Sums over videos.

    Args:
        runs: those that are compared.
    """

    def __init__(self, runs: Sequence[ComparedRun]) -> None:
        self._runs = runs
        self._of_run = [_RunTally() for _ in runs]
        self._of_pair = {pair: PairTally(*pair) for pair in combinations(range(len(runs)), 2)}
        self.videos = self.sentences = 0

    def add(self, item: ComparedItem) -> None:
        """Take the next video."""
        for number, tally in enumerate(self._of_run):
            tally.add(item, number, self.videos)
        for of_pair in self._of_pair.values():
            of_pair.add(item, self.videos)
        self.videos += 1
        self.sentences += len(item.sentences)

    def comparison(self, left_out: Sequence[Leftover] = ()) -> Comparison:
        """What it comes to."""
        pairs = [tally.summary(self._runs[a], self._runs[b]) for (a, b), tally in self._of_pair.items()]
        return Comparison(
            runs=tuple(tally.summary(run) for tally, run in zip(self._of_run, self._runs, strict=True)),
            pairs=_corrected(pairs),
            videos=self.videos,
            sentences=self.sentences,
            dataset=str(self._runs[0].result.get("dataset", "")),
            left_out=tuple(left_out),
        )


class _RunTally:
    """Of one run."""

    def __init__(self) -> None:
        self.scores, self.right, self.within = Samples(), Samples(), Samples()
        self.steps: dict[str, Asked] = {}
        self.seconds = 0.0

    def add(self, item: ComparedItem, run: int, video: int) -> None:
        one = item.runs[run]
        self.seconds += one.seconds
        for step, more in asked(one.calls).items():
            self.steps[step] = self.steps.get(step, Asked()) + more
        for row in one.rows.values():
            for name, value in row.items():
                self.scores[name].add(value, video)
        for measure, value in within_answers(answers(one.calls)):
            self.within[measure].add(value, video)
        for sentence in item.sentences:
            for step, value in judged(item, sentence, run):
                self.right[step].add(value, video)

    def summary(self, run: ComparedRun) -> RunSummary:
        return RunSummary(
            label=run.label,
            path=str(run.path),
            backend=str(run.card.get("name", "")),
            model=str(run.card.get("model", "")),
            config=str(run.result.get("config", "")),
            repeat=run.repeat,
            scores=estimates(self.scores, draws=10_000),
            steps=self.steps,
            seconds=self.seconds,
            right=estimates(self.right),
            within=estimates(self.within),
        )


def _corrected(pairs: Sequence[PairSummary]) -> tuple[PairSummary, ...]:
    """With the p-values of each score corrected over all pairs of runs."""
    corrected: list[dict[str, float]] = [{} for _ in pairs]
    for name in dict.fromkeys(name for pair in pairs for name in pair.scores):
        having = [place for place, pair in enumerate(pairs) if name in pair.scores]
        for place, p in zip(having, holm([pairs[one].scores[name].p for one in having]), strict=True):
            corrected[place][name] = p
    return tuple(
        replace(
            pair,
            scores={name: replace(one, p_corrected=ps[name]) for name, one in pair.scores.items()},
        )
        for pair, ps in zip(pairs, corrected, strict=True)
    )
