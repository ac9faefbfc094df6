"""What the questions of a run took, added up from its call log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alref_local.types import Totals

__all__ = ["totals"]


def totals(calls: Sequence[Mapping[str, Any]]) -> Totals:
    """Sums over the lines of a call log (``calls.read_calls``); what came from the cache costs nothing."""
    answered = {_question(call["address"]) for call in calls if call["answer"] is not None}
    sent = [call for call in calls if not call.get("cached")]
    dollars = [price for call in sent if (price := _number(call.get("dollars"))) is not None]
    return Totals(
        questions=len(answered),
        exchanges=len(sent),
        failed=sum(call["error"] is not None for call in sent),
        from_cache=len(calls) - len(sent),
        prompt_tokens=_sum(sent, "prompt_tokens"),
        completion_tokens=_sum(sent, "completion_tokens"),
        cached_tokens=_sum(sent, "cached_tokens"),
        dollars=round(sum(dollars), 8) if dollars else None,
    )


def _question(address: Mapping[str, Any]) -> tuple[Any, ...]:
    """Samples for a vote are asked for one question."""
    return tuple((name, value) for name, value in sorted(address.items()) if name != "sample")


def _sum(calls: Sequence[Mapping[str, Any]], field: str) -> int:
    return int(sum(_number(call.get(field)) or 0 for call in calls))


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
