"""How well the questions of a run were answered, and what they took, added up from its call log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alref_local.errors import AnswerError
from alref_local.reason.usage import totals
from alref_local.types import Totals

__all__ = ["Answers", "Asked", "answers", "asked"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Some questions.

    Attributes:
        took: questions, exchanges, tokens, dollars; what came from the cache costs nothing.
        replies: that the model gave.
        invalid: the replies among them that were no valid answer.
        sent: times that a question was sent off, repetitions for a vote included.
        retried: the times among them that more than one exchange was needed.
        seconds: of waiting for replies, one after another.
    """

    took: Totals = field(default_factory=Totals)
    replies: int = 0
    invalid: int = 0
    sent: int = 0
    retried: int = 0
    seconds: float = 0.0

    def __add__(self, other: Asked) -> Asked:
        """Both together."""
        return Asked(
            self.took + other.took,
            self.replies + other.replies,
            self.invalid + other.invalid,
            self.sent + other.sent,
            self.retried + other.retried,
            self.seconds + other.seconds,
        )

    @property
    def validity(self) -> float | None:
        """The share of valid replies; ``None`` where there was none."""
        return 1 - self.invalid / self.replies if self.replies else None

    @property
    def retry_rate(self) -> float | None:
        """The share of questions that needed more than one exchange; ``None`` where none was sent."""
        return self.retried / self.sent if self.sent else None


def asked(calls: Sequence[Mapping[str, Any]]) -> dict[str, Asked]:
    """By step, from the lines of a call log."""
    steps = dict.fromkeys(str(call["address"]["step"]) for call in calls)
    return {step: _sum([call for call in calls if call["address"]["step"] == step]) for step in steps}


def _sum(calls: Sequence[Mapping[str, Any]]) -> Asked:
    sent = [call for call in calls if not call.get("cached")]
    times = Counter(tuple(sorted(call["address"].items())) for call in sent)
    invalid = sum(call["error_type"] == AnswerError.__name__ for call in sent)
    return Asked(
        took=totals(calls),
        replies=sum(call["error"] is None for call in sent) + invalid,
        invalid=invalid,
        sent=len(times),
        retried=sum(number > 1 for number in times.values()),
        seconds=sum(_milliseconds(call) for call in sent) / 1000,
    )


def _milliseconds(call: Mapping[str, Any]) -> float:
    value = call.get("milliseconds")
    return float(value) if isinstance(value, int | float) else 0.0


Answers = dict[tuple[str, str, int], list[frozenset[str]]]
"""By reference, step and clip: the valid answers, one for each time that the question was asked."""


def answers(calls: Sequence[Mapping[str, Any]]) -> Answers:
    """What was answered, as sets; the last valid answer of each time counts."""
    found: dict[tuple[str, str, int], dict[int, frozenset[str]]] = {}
    for call in calls:
        if isinstance(call["answer"], list):
            at = call["address"]
            samples = found.setdefault((str(at["reference"]), str(at["step"]), int(at["clip"])), {})
            samples[int(at["sample"])] = frozenset(str(item) for item in call["answer"])
    return {key: list(samples.values()) for key, samples in found.items()}
