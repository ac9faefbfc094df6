"""Evaluation folders as they are found on disk, made quickly and as a test wants them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from alref_local.configs import load_config
from alref_local.evaluate.names import folder_names
from alref_local.masks import encode_stack
from alref_local.media.encode import write_video
from alref_local.runs.coco import MasksFile
from alref_local.runs.folder import strip_name
from alref_local.runs.result import describe
from alref_local.types import (
    SOUND,
    Box,
    Candidate,
    Clip,
    ClipReasoned,
    Heard,
    MaskTrack,
    Pivot,
    Query,
    Tag,
    TargetResult,
)
from tests.fakes import ArrayVideo

__all__ = ["SIZE", "Made", "call_line", "chosen", "write_evaluation", "write_item"]

SIZE = (48, 64)
LENGTH = 12


@dataclass(frozen=True)
class Made:
    """One video of a run: what came out, its call log, its scores by published sentence."""

    results: Sequence[TargetResult]
    calls: Sequence[Mapping[str, Any]] = ()
    rows: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    seconds: float = 1.5


def chosen(
    rng: np.random.Generator,
    text: str,
    id: str = "0",
    *,
    clips: int = 2,
    repeat: int = 1,
    item: str = "video",
    reply: str | None = None,
    heard: Sequence[Heard] = (),
) -> tuple[TargetResult, list[dict[str, Any]]]:
    """A random result of a sentence: the same candidates whatever the seed, chosen at random."""
    settled, calls = [], []
    for index in range(clips):
        start, stop = LENGTH * index // clips, LENGTH * (index + 1) // clips
        frames = tuple(range(start, stop, 2))
        place = int(rng.integers(len(frames)))
        candidates = tuple(
            Candidate(Box(4 + 16 * k, 4, 16 + 16 * k, 20), round(0.9 - 0.2 * k, 2))
            for k in range(1 + index % 3)
        )
        taken = [candidates[int(rng.integers(len(candidates)))]] if rng.random() < 0.9 else []
        pivots = tuple(Pivot(index, frames[place], one.box, one.score) for one in taken)
        settled.append(
            ClipReasoned(
                id,
                Clip(index, start, stop, frames),
                frames[place],
                candidates,
                pivots,
                "",
                {"pivot_frame": 0.7},
            )
        )
        for sample in range(repeat):
            said = str(place + 1) if not sample else str(int(rng.integers(len(frames))) + 1)
            more: dict[str, Any] = {
                "confidences": {said: 0.75},
                "raw": reply or f"it is best seen there.\nANSWER: [{said}]",
            }
            if rng.random() < 0.2:
                calls.append(call_line(item, id, "pivot_frame", index, sample, None, error="AnswerError"))
            calls.append(call_line(item, id, "pivot_frame", index, sample, [said], **more))
            box = [str(candidates.index(one) + 1) for one in taken]
            calls.append(call_line(item, id, "pivot_box", index, sample, box, raw=reply or f"ANSWER: {box}"))
    stack = np.zeros((LENGTH, *SIZE), np.bool_)
    x, y = (int(one) for one in rng.integers(0, 20, 2))
    stack[int(rng.integers(4)) :, y : y + 20, x : x + 30] = True
    track = MaskTrack(0, SIZE, encode_stack(stack), (1.0,) * LENGTH)
    pivots = tuple(pivot for one in settled for pivot in one.pivots)
    query = Query(id, text.encode("utf-8", "replace").decode(), sound=bool(heard))
    return TargetResult(query, "ok", (track,), pivots, tuple(settled), heard=tuple(heard)), calls


def call_line(
    item: str,
    reference: str,
    step: str,
    clip: int,
    sample: int,
    answer: Sequence[str] | None,
    *,
    error: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A line of ``calls.jsonl``."""
    return {
        "address": {"item": item, "reference": reference, "step": step, "clip": clip, "sample": sample},
        "attempt": 1,
        "model": "m",
        "prompt_sha256": "",
        "image_sha256s": [],
        "raw": "I cannot say." if error == "AnswerError" else None,
        "answer": answer,
        "confidences": None,
        "error": f"a reply was bad ({error})" if error else None,
        "error_type": error,
        "cached": False,
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "cached_tokens": 0,
        "milliseconds": 250.0,
        "dollars": 0.001,
        **more,
    }


def write_evaluation(
    folder: Path,
    items: Mapping[str, Made],
    *,
    dataset: str = "own",
    backend: str = "made",
    repeat: int = 1,
    pictures: bool = False,
) -> Path:
    """What ``evaluate`` leaves, masks as PNG apart; with ``pictures``, strips and overlays too."""
    names = folder_names(items)
    for id, made in items.items():
        write_item(folder / "items" / names[id], made, names[id], backend, repeat, pictures)
    head = {"dataset": dataset, "split": "all", "metric": "J&F", "config": "tiny", "backend": backend}
    rows = {id: dict(made.rows) for id, made in items.items()}
    _json(folder / "result.json", {**head, "videos": len(items), "missing": [], "rows": rows})
    times = {id: {"seconds": made.seconds, "attempts": 1, "error": ""} for id, made in items.items()}
    _json(folder / "timings.json", {"seconds": 0, "usage": {}, "items": times})
    return folder


def write_item(
    folder: Path,
    made: Made,
    name: str = "video",
    backend: str = "made",
    repeat: int = 1,
    pictures: bool = False,
) -> Path:
    """One finished run folder."""
    folder.mkdir(parents=True)
    video = ArrayVideo(np.broadcast_to(np.uint8(90), (LENGTH, *SIZE, 3)), name)
    result = describe(video, made.results, {"reason": 1.0, "track": 0.5})
    (folder / "result.json").write_text(result.model_dump_json())
    (folder / "masks.json").write_text(MasksFile.of(result.video, made.results).model_dump_json())
    (folder / "calls.jsonl").write_text("".join(json.dumps(call) + "\n" for call in made.calls))
    settings = load_config("tiny", {}, {}, {"reasoning": {"repeat": repeat}})
    (folder / "config.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    (folder / "backend.yaml").write_text(
        yaml.safe_dump({"name": backend, "kind": "openai", "model": backend})
    )
    if pictures:
        _pictures(folder, made, video)
    (folder / "manifest.json").write_text("{}")
    return folder


def _pictures(folder: Path, made: Made, video: ArrayVideo) -> None:
    write_video(folder / "overlay.mp4", iter(video.images), video.fps)
    buffer = io.BytesIO()
    Image.new("RGB", (90, 48), (120, 160, 120)).save(buffer, "JPEG")
    (folder / "strips").mkdir()
    names = [
        strip_name(one.query_id, step, one.clip.index)
        for result in made.results
        for one in result.clips
        for step in ("pivot_frame", "pivot_box")
    ]
    names += [strip_name(SOUND, "lbru", one.stretch) for one in made.results[0].heard]
    for name in names:
        (folder / "strips" / f"{name}.jpg").write_bytes(buffer.getvalue())


def heard(*categories: str, start: float = 0.0) -> Heard:
    """What was heard in one stretch."""
    return Heard(int(start), start, start + 1, (0,), (Tag("Bark", 0.8),), categories)


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))
