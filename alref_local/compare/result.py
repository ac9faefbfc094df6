"""What a comparison comes to, as plain numbers; ``as_json`` is what ``compare --json`` prints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alref_local.compare.asked import Asked
from alref_local.compare.scan import Leftover
from alref_local.compare.statistics import Estimate

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Comparison", "Disagreement", "PairSummary", "Right", "RunSummary", "ScorePair"]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run on the videos that all runs have.

    Attributes:
        label: its name here.
        path: as it was named.
        backend: name of the card.
        model: the model that was asked.
        config: name of the protocol, where the run says so.
        repeat: how often each question was asked.
        scores: by name, the mean over sentences (objects, videos).
        steps: by step, how its questions were answered and what they took.
        seconds: what the videos took, all together, one after another.
        right: by step, the share of pivots that are right, where the truth is known.
        within: by step, the share of pairs of its own answers that agree, where questions were repeated.
    """

    label: str
    path: str
    backend: str
    model: str
    config: str
    repeat: int
    scores: Mapping[str, Estimate]
    steps: Mapping[str, Asked]
    seconds: float
    right: Mapping[str, Estimate]
    within: Mapping[str, Estimate]

    @property
    def asked(self) -> Asked:
        """All steps together."""
        return sum(self.steps.values(), Asked())


@dataclass(frozen=True, slots=True)
class ScorePair:
    """A score of two runs on the same things.

    Attributes:
        a: mean of the first.
        b: mean of the second.
        difference: of the second from the first (``a - b``), paired, bootstrap over videos.
        p: of a sign-flip permutation test over videos.
        p_corrected: the same by Holm, over all pairs of runs.
    """

    a: float
    b: float
    difference: Estimate
    p: float
    p_corrected: float


@dataclass(frozen=True, slots=True)
class Right:
    """Who was right where two runs disagreed; ``p`` by McNemar's exact test, as if cases were independent."""

    both: int
    only_a: int
    only_b: int
    neither: int
    p: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A sentence on which two runs disagreed; scores and pivot frames are ``(a, b)``."""

    item: str
    reference: str
    text: str
    scores: tuple[float | None, float | None]
    frames: tuple[tuple[int | None, ...], tuple[int | None, ...]]
    masks: float | None


@dataclass(frozen=True, slots=True)
class PairSummary:
    """Two runs.

    Attributes:
        a: label of the first.
        b: label of the second.
        one_model: both asked the same model, so that their difference is that of two runs of one model.
        scores: by name.
        agreement: by measure; shares in ``[0, 1]``.
        single: by step, agreement of one answer of each run, where a run repeated its questions.
        right: by step, who was right where they disagreed.
        by: the same measures, and the differences of scores, by property and value.
        disagreeing: sentences on which they disagreed.
        disagreements: those of them that differ most.
        totals: figures ``(a, b)`` of the whole data set, as both evaluations have them.
    """

    a: str
    b: str
    one_model: bool
    scores: Mapping[str, ScorePair]
    agreement: Mapping[str, Estimate]
    single: Mapping[str, Estimate]
    right: Mapping[str, Right]
    by: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    disagreeing: int
    disagreements: tuple[Disagreement, ...]
    totals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """Several runs over the same videos."""

    runs: tuple[RunSummary, ...]
    pairs: tuple[PairSummary, ...]
    videos: int
    sentences: int
    dataset: str
    left_out: tuple[Leftover, ...] = field(default_factory=tuple)

    def __repr__(self) -> str:
        labels = ", ".join(run.label for run in self.runs)
        return f"<Comparison of {labels}: {self.videos} videos, {self.sentences} sentences>"

    def to_pandas(self) -> DataFrame:
        """A row for every two runs and score (see ``compare.display``)."""
        from alref_local.compare.display import scores_table

        return scores_table(self)

    def _repr_html_(self) -> str:
        from alref_local.compare.display import comparison_html

        return comparison_html(self)

    def as_json(self) -> dict[str, Any]:
        """Everything, in types that JSON has; what is not known is ``null``."""
        plain: dict[str, Any] = _plain(self)
        for run, summary in zip(plain["runs"], self.runs, strict=True):
            run["asked"] = _plain(summary.asked)
            steps = {**summary.steps, "all": summary.asked}
            told = {"all": run["asked"], **run["steps"]}
            for step, one in steps.items():
                told[step] |= {"validity": one.validity, "retry_rate": one.retry_rate}
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Estimate):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
