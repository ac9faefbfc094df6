"""What `segment` says about a video, and about a list of them: as rows of JSON, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from alref_local.types import Heard, Totals

if TYPE_CHECKING:
    from alref_local.dry_run import Cost, Plan
    from alref_local.session import Segmentation

__all__ = ["dry_run_lines", "result_lines", "row", "usage_line"]


def row(done: Segmentation) -> dict[str, Any]:
    """One video as JSON."""
    return {
        "name": done.name,
        "folder": str(done.folder),
        "frames": done.length,
        "reused": done.reused,
        "references": [
            {
                "id": result.query.id,
                "text": result.query.text,
                "status": result.status,
                "pivots": [{"frame": pivot.frame, "box": list(pivot.box)} for pivot in result.pivots],
                "looks": [{"accepted": look.accepted, "note": look.note} for look in result.looks],
                "sounding": result.sounding,
                **(
                    {"sound": True, "heard": [_heard(one) for one in result.heard]}
                    if result.query.sound
                    else {}
                ),
            }
            for result in done.results
        ],
        "seconds": {stage: round(seconds, 2) for stage, seconds in done.timings.items()},
        "usage": asdict(done.usage or Totals()),
    }


def _heard(one: Heard) -> dict[str, Any]:
    return {
        "start": one.start,
        "stop": one.stop,
        "tags": {tag.name: round(tag.probability, 4) for tag in one.tags},
        "categories": list(one.categories),
        "note": one.note,
    }


def result_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for every sentence, and one for the overlay of every video."""
    for one in rows:
        for reference in one["references"]:
            if reference.get("sound"):
                yield f"{one['name']}: {_sounds(reference['heard'])}"
                if not reference["text"]:
                    continue
            said = "segmented" if reference["status"] == "ok" else "no target found"
            frames = ", ".join(str(pivot["frame"]) for pivot in reference["pivots"])
            tail = f" (pivot frames {frames})" if frames else ""
            if reference["looks"] and not reference["looks"][-1]["accepted"]:
                tail += ", but the second look refused it"
            if reference["sounding"] is not None:
                tail += f", {_when(reference['sounding'])}"
            yield f'{one["name"]}: "{reference["text"]}" {said}{tail}'
        yield f"{one['folder']}/overlay.mp4" + (" (finished before)" if one["reused"] else "")


def _when(spans: Sequence[Sequence[float]]) -> str:
    times = ", ".join(f"{start:.1f}-{stop:.1f} s" for start, stop in spans)
    return f"sounds at {times}" if times else "silent throughout"


def _sounds(heard: Sequence[Mapping[str, Any]]) -> str:
    """What sounds, or why nothing does."""
    names = dict.fromkeys(name for one in heard for name in one["categories"])
    if names:
        return f"sounding: {', '.join(names)}"
    notes = dict.fromkeys(one["note"] for one in heard)
    return f"nothing found that sounds ({'; '.join(notes)})"


def usage_line(done: Sequence[Segmentation]) -> str:
    """What all questions took, as ``12 questions, 14,300 + 2,100 tokens, $0.06``."""
    spent = sum((one.usage for one in done if one.usage), Totals())
    parts = [
        _count(spent.questions, "question"),
        f"{spent.prompt_tokens:,} + {spent.completion_tokens:,} tokens",
        *([] if spent.dollars is None else [_dollars(spent.dollars)]),
        *([f"{spent.from_cache:,} answers from the cache"] if spent.from_cache else []),
        *([f"{_count(spent.failed, 'exchange')} failed"] if spent.failed else []),
    ]
    return (f"{len(done)} videos: " if len(done) > 1 else "") + ", ".join(parts)


def dry_run_lines(plans: Sequence[Plan]) -> Iterator[str]:
    """A line for every video, and one for all of them."""
    from alref_local.dry_run import whole

    for one in plans if len(plans) < 2 else [*plans, whole(plans)]:
        again = f", each {one.repeat} times" if one.repeat > 1 else ""
        asked = f"{_count(one.questions, 'question')} to {one.backend}{again}"
        yield f"{one.name}: {one.frames:,} frames, {_count(one.clips, 'clip')}, {asked}{_estimate(one)}"


def _estimate(one: Plan) -> str:
    if not one.about.prompt_tokens:
        return ""
    if one.about.dollars is None:
        return f"; about {_cost(one.about)}, at most {_cost(one.at_most)} (the card has no prices)"
    return f"; about {_cost(one.about)}; at most {_cost(one.at_most)}"


def _cost(cost: Cost) -> str:
    tokens = f"{cost.prompt_tokens:,} + {cost.completion_tokens:,} tokens"
    return tokens if cost.dollars is None else f"{tokens}, {_dollars(cost.dollars)}"


def _dollars(price: float) -> str:
    return f"${price:,.2f}" if price >= 0.01 or not price else "under $0.01"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
