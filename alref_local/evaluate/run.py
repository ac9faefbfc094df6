"""A whole evaluation: items into workers, masks into scores, everything under one folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from alref_local.datasets import find_dataset, load_items
from alref_local.datasets.avsbench_semantic import categories
from alref_local.datasets.source import Source
from alref_local.errors import ConfigError
from alref_local.evaluate.cluster import OnRay
from alref_local.evaluate.facts import asked, facts
from alref_local.evaluate.journal import Entry, Journal
from alref_local.evaluate.launch import Processes
from alref_local.evaluate.pool import run_tasks
from alref_local.evaluate.scores import ItemScores, Unscored, try_item
from alref_local.evaluate.tasks import item_folder, tasks
from alref_local.evaluate.totals import figures, intervals
from alref_local.evaluate.worker import Message, Setup
from alref_local.files import write_bytes
from alref_local.metrics.parallel import each
from alref_local.reason.calls import read_calls
from alref_local.reason.usage import totals
from alref_local.runs.manifest import MANIFEST
from alref_local.serve.devices import devices_for
from alref_local.session import Session
from alref_local.types import Totals

__all__ = ["Begun", "Evaluation", "evaluate"]


@dataclass(frozen=True, slots=True)
class Begun:
    """An evaluation begins: of so many items, so many were done before."""

    items: int
    done: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What became of a data set.

    Attributes:
        folder: of the run.
        done: items that are done.
        failed: items that failed at this start.
        result: what ``result.json`` holds: the scores, of the items that are done; ``unscored`` says of which they
            could not be had, and why.
    """

    folder: Path
    done: int
    failed: tuple[Entry, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)


def evaluate(
    name: str,
    root: Path,
    folder: Path,
    *,
    split: str = "",
    limit: int | None = None,
    workers: int | None = None,
    endpoints: Sequence[str] = (),
    background: float = 0.0,
    engine: Literal["processes", "ray"] = "processes",
    tell: Callable[[Begun | Message], None] = lambda message: None,
    **options: Any,
) -> Evaluation:
    """Segment a data set and score it; the same call again goes on where the last one stopped.

    Args:
        name: of the data set.
        root: its folder.
        folder: of the run; see docs/evaluate.md for what it holds.
        split: by default the one that is evaluated.
        limit: only the first items; a later call may take more.
        workers: how many; by default one for each GPU that has room for it, or one.
        endpoints: of the backend, taken in turn; by default the card's.
        background: level of the background where masks are merged into one label map.
        engine: where the workers run: on this machine, or on a Ray cluster.
        tell: told of the beginning and of every item.
        options: of ``session.Session``: config, backend, changes, card, device, offline, seed, repeat, cache.

    Raises:
        ConfigError: a name or setting is wrong, the data set cannot be used, or the folder holds another run.
        PrerequisiteError: something that all items need is missing; the same call goes on once it is there.
        AlrefError: see ``pool.run_tasks``.
    """
    dataset = find_dataset(name)
    split = split or next(iter(dataset.splits))
    items = load_items(name, root, split)[:limit]
    options = {**options, "backend": _replayed(options.get("backend", "none"))}
    with Session(**options) as session:
        settings, card, at_once = session.settings, session.card, session.at_once
    if endpoints and card.kind not in ("openai", "vllm"):
        raise ConfigError(f"The backend '{card.name}' has no endpoint.", hint="Leave --endpoint out.")
    sound = any(one.sound for item in items for one in item.references)
    setup = Setup(folder, options, tuple(endpoints), sound, background, at_once)
    todo = list(tasks(dataset, items))
    with Journal(folder) as journal:
        journal.begin(
            facts(settings, card, dataset=name, split=split, background=str(background)),
            {item.id: asked(item) for item in items},
        )
        folders = {task.id: item_folder(folder, task.name) for task in todo}
        journal.again(id for id, one in folders.items() if not (one / MANIFEST).is_file())
        entries = journal.entries()
        waiting = [task for task in todo if entries[task.id].state != "done"]
        tell(Begun(len(items), len(items) - len(waiting)))
        if waiting:
            (folder / "result.json").unlink(missing_ok=True)
            if engine == "processes" and options.get("device", "auto") == "auto":
                setup = replace(setup, devices=devices_for(settings, card, sound=sound))
            many = workers or len(setup.devices) or None
            run_tasks(waiting, setup, journal, many, tell, OnRay() if engine == "ray" else Processes())
        entries = journal.entries()
    mine = [entries[item.id] for item in items]
    done = [(item, folders[item.id]) for item in items if entries[item.id].state == "done"]
    named = categories(Source(root)) if dataset.metric == "mIoU" else {}
    scored = each(partial(try_item, metric=dataset.metric, categories=named), done, workers or 1)
    head = {"dataset": name, "split": split, "metric": dataset.metric}
    head |= {"config": settings.name, "backend": card.name}
    result = head | _result([one.id for one in mine if one.state != "done"], scored)
    _write(folder / "timings.json", _timings(mine, [path for _, path in done]))
    _write(folder / "result.json", result)
    failed = tuple(one for one in mine if one.state == "failed")
    return Evaluation(folder, len(done), failed, result)


def _result(missing: Sequence[str], found: Sequence[ItemScores | Unscored]) -> dict[str, Any]:
    """The same for the same masks, however often the run was interrupted."""
    scored = [one for one in found if isinstance(one, ItemScores)]
    parts = list(dict.fromkeys(one.part for one in scored))
    by_part = {part: figures([one for one in scored if one.part == part]) for part in parts}
    return {
        "videos": len(scored),
        "missing": missing,
        "unscored": {one.id: one.reason for one in found if isinstance(one, Unscored)},
        "scores": figures(scored),
        "intervals": intervals(scored),
        "parts": by_part if len(parts) > 1 else {},
        "rows": {one.id: one.rows for one in scored},
    }


def _timings(entries: Sequence[Entry], folders: Sequence[Path]) -> dict[str, Any]:
    """What may differ from start to start: seconds, attempts, and what the questions took."""
    spent = sum((totals(read_calls(one)) for one in folders if (one / "calls.jsonl").is_file()), Totals())
    return {
        "seconds": round(sum(one.seconds for one in entries), 3),
        "usage": {name: getattr(spent, name) for name in spent.__slots__},
        "items": {
            one.id: {"seconds": round(one.seconds, 3), "attempts": one.attempts, "error": one.error}
            for one in entries
        },
    }


def _replayed(backend: str | Path) -> str | Path:
    """``replay:RUN`` of an evaluation means the call logs of its items."""
    kind, _, run = str(backend).partition(":")
    if kind == "replay" and (Path(run) / "items").is_dir():
        return f"replay:{Path(run) / 'items'}"
    return backend


def _write(path: Path, value: Mapping[str, Any]) -> None:
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())
