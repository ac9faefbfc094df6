"""What the page of a sentence shows, as JSON: what each run asked, was told and chose, and what is true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from alref_local.compare.agree import clip_key
from alref_local.compare.asked import Asked, asked
from alref_local.compare.scan import ComparedItem, Sentence
from alref_local.masks import area, box
from alref_local.report.media import ItemMedia
from alref_local.runs.folder import strip_name
from alref_local.types import SOUND, ClipReasoned, TargetResult

__all__ = ["sentence_page"]


def sentence_page(item: ComparedItem, sentence: Sentence, media: ItemMedia) -> dict[str, Any]:
    """Everything about one sentence."""
    true = media.true_frames(sentence)
    return {
        "id": sentence.id,
        "text": sentence.text,
        "truth": None if true is None else spans(true),
        "runs": [_run(item, sentence, run) for run in range(len(item.runs))],
        "heard": [_heard(item, sentence, run, media) for run in range(len(item.runs))],
        "clips": list(_clips(item, sentence, media)),
        "looks": [_looks(item, sentence, run, media) for run in range(len(item.runs))],
    }


def spans(frames: Iterable[int]) -> list[tuple[int, int]]:
    """Rising frame numbers as stretches ``[start, stop)``."""
    found: list[tuple[int, int]] = []
    for frame in frames:
        if found and found[-1][1] == frame:
            found[-1] = (found[-1][0], frame + 1)
        else:
            found.append((frame, frame + 1))
    return found


def _run(item: ComparedItem, sentence: Sentence, run: int) -> dict[str, Any]:
    result = sentence.results[run]
    mine = {sentence.id} | {clip.query_id for clip in sentence.clips[run]}
    calls = [call for call in item.runs[run].calls if call["address"]["reference"] in mine]
    took = sum(asked(calls).values(), Asked())
    return {
        "status": result.status,
        "scores": dict(item.score(run, sentence) or {}),
        "masked": spans(_masked(result)),
        "pivots": sorted(
            {clip.frame for clip in sentence.clips[run] if clip.pivots and clip.frame is not None}
        ),
        "sounding": result.sounding,
        "questions": took.took.questions,
        "retried": took.retried,
        "tokens": took.took.prompt_tokens + took.took.completion_tokens,
        "seconds": round(took.seconds, 2),
        "dollars": took.took.dollars,
    }


def _masked(result: TargetResult) -> list[int]:
    length = len(result.tracks[0].masks) if result.tracks else 0
    return [t for t in range(length) if any(area(track.masks[t]) for track in result.tracks)]


def _heard(item: ComparedItem, sentence: Sentence, run: int, media: ItemMedia) -> list[dict[str, Any]]:
    return [
        {
            "start": one.start,
            "stop": one.stop,
            "tags": [(tag.name, round(tag.probability, 3)) for tag in one.tags],
            "categories": one.categories,
            "note": one.note,
            "sounding": _things(item, run),
            **_exchange(item, run, SOUND, "lbru", one.stretch, media),
        }
        for one in sentence.results[run].heard
    ]


def _things(item: ComparedItem, run: int) -> list[tuple[str, Any]]:
    """The things that were heard, and when each sounds."""
    results = item.runs[run].results.values()
    return [(one.query.category, one.sounding) for one in results if one.query.category]


def _clips(item: ComparedItem, sentence: Sentence, media: ItemMedia) -> Iterator[dict[str, Any]]:
    """Clip by clip, runs side by side; a run that has no such clip has ``null``."""
    by_run = [{clip_key(clip): clip for clip in clips} for clips in sentence.clips]
    differing = {
        clip_key(clip.ours): "frame" if clip.exact is False else "box"
        for pair in sentence.pairs
        for clip in pair.clips
        if clip.differs
    }
    for key in sorted({key for clips in by_run for key in clips}, key=lambda key: (key[1], key[2], key[0])):
        thing, start, stop = key
        name = next(
            (one.query.category for one in item.runs[0].results.values() if one.query.id == thing), ""
        )
        yield {
            "thing": name or ("" if thing == sentence.id else thing),
            "start": start,
            "stop": stop,
            "differs": differing.get(key, ""),
            "runs": [
                None if key not in clips else _clip(item, sentence, run, clips[key], media)
                for run, clips in enumerate(by_run)
            ],
        }


def _clip(
    item: ComparedItem, sentence: Sentence, run: int, clip: ClipReasoned, media: ItemMedia
) -> dict[str, Any]:
    judged = true = None
    if sentence.judge is not None and clip.query_id == sentence.id and clip.frame is not None:
        judged = sentence.judge.judge(item.runs[run].video, clip)
        mask = media.true_mask(sentence, clip.frame)
        true = None if mask is None else box(mask)
    chosen = {tuple(pivot.box) for pivot in clip.pivots}
    steps = []
    for step in ("pivot_frame", "pivot_box"):
        told = _exchange(item, run, clip.query_id, step, clip.clip.index, media)
        if told["strips"] or told["calls"]:
            steps.append(
                {
                    "step": step,
                    "confidence": clip.confidence.get(step),
                    "agreement": clip.agreement.get(step),
                    **told,
                }
            )
    return {
        "sampled": clip.clip.frames,
        "frame": clip.frame,
        "note": clip.note,
        "candidates": [
            {
                "box": [round(side, 1) for side in one.box],
                "score": round(one.score, 3),
                "chosen": tuple(one.box) in chosen,
            }
            for one in clip.candidates
        ],
        "true_box": true,
        "right": None if judged is None else {"frame": judged.frame, "box": judged.box},
        "picture": media.pivot_picture(sentence, run, clip),
        "steps": steps,
    }


def _looks(item: ComparedItem, sentence: Sentence, run: int, media: ItemMedia) -> list[dict[str, Any]]:
    return [
        {
            "number": look.number,
            "accepted": look.accepted,
            "note": look.note,
            **_exchange(item, run, sentence.id, "second_look", look.number, media),
        }
        for look in sentence.results[run].looks
    ]


def _exchange(
    item: ComparedItem, run: int, reference: str, step: str, number: int, media: ItemMedia
) -> dict[str, Any]:
    """What was shown and what was said, retries and repetitions included."""
    lines = [
        call
        for call in item.runs[run].calls
        if (call["address"]["reference"], call["address"]["step"], call["address"]["clip"])
        == (reference, step, number)
    ]
    strips = media.strips(run, strip_name(reference, step, number))
    return {"strips": strips, "calls": [_call(line) for line in lines]}


def _call(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sample": line["address"]["sample"],
        "raw": line["raw"] if isinstance(line["raw"], str) else "",
        "answer": line["answer"] if isinstance(line["answer"], list) else None,
        "error": str(line["error"] or ""),
        "cached": bool(line.get("cached")),
        "confidences": _numbers(line.get("confidences")),
    }


def _numbers(value: object) -> list[tuple[str, float]]:
    """Confidences by id, as pairs: a name that is special to a script stays a text."""
    if not isinstance(value, Mapping):
        return []
    return [(str(key), round(float(one), 4)) for key, one in value.items() if isinstance(one, int | float)]
