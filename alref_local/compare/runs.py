"""The runs that are compared: evaluations, folders of run folders, single run folders; videos opened one at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from alref_local.errors import ConfigError
from alref_local.evaluate.names import folder_names
from alref_local.reason.calls import read_calls
from alref_local.runs.manifest import MANIFEST
from alref_local.runs.reader import read_results
from alref_local.runs.result import VideoInfo
from alref_local.types import TargetResult

__all__ = ["ComparedRun", "ItemRun", "Row", "open_runs"]

Row = Mapping[str, float]
"""Scores by name."""


@dataclass(frozen=True, slots=True)
class ItemRun:
    """What one run says about one video.

    Attributes:
        folder: its run folder.
        video: size, rate, frames.
        results: by query id.
        calls: lines of the call log.
        seconds: what the video took.
        rows: its scores, by sentence as published (or by annotator and object).
    """

    folder: Path
    video: VideoInfo
    results: Mapping[str, TargetResult]
    calls: Sequence[Mapping[str, Any]]
    seconds: float
    rows: Mapping[str, Row]


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run.

    Attributes:
        label: short and unlike those of the others.
        path: as it was named.
        items: run folders by name.
        result: what ``result.json`` of an evaluation says; empty for runs that were not scored.
        seconds: by published id, where an evaluation measured them.
        card: the backend's.
        repeat: how often each question was asked.
    """

    label: str
    path: Path
    items: Mapping[str, Path]
    result: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 1

    @property
    def published(self) -> dict[str, str]:
        """By name of a run folder, the id of its video as published."""
        scored = list(self.result.get("rows", {}))
        return {folder: id for id, folder in folder_names(scored).items()}

    def open(self, name: str, id: str) -> ItemRun:
        """Read what this run says about a video.

        Args:
            name: of its run folder.
            id: of the video, as published.

        Raises:
            ConfigError: the run folder is unfinished or damaged.
        """
        folder = self.items[name]
        result, results = read_results(folder)
        calls = read_calls(folder) if (folder / "calls.jsonl").is_file() else []
        seconds = self.seconds.get(id, sum(result.timings.values()))
        rows = self.result.get("rows", {}).get(id, {})
        return ItemRun(folder, result.video, {one.query.id: one for one in results}, calls, seconds, rows)


def open_runs(paths: Sequence[Path]) -> tuple[ComparedRun, ...]:
    """The runs at ``paths``; their videos are not opened yet.

    Raises:
        ConfigError: there is no run, or one of the paths holds none that is finished.
    """
    if not paths:
        raise ConfigError("No run is named.", hint="Name run folders, as in runs/gpt runs/qwen.")
    return tuple(_open(path, label) for path, label in zip(paths, _labels(paths), strict=True))


def _open(path: Path, label: str) -> ComparedRun:
    items = _items(path)
    first = next(iter(items.values()))
    card, config = (_yaml(first / name) for name in ("backend.yaml", "config.yaml"))
    repeat = (config.get("reasoning") or {}).get("repeat", 1)
    timings = _json(path / "timings.json").get("items", {})
    # A single run folder has a result.json, too, but not of this kind.
    result = _json(path / "result.json") if (path / "items").is_dir() else {}
    seconds = {id: float(one["seconds"]) for id, one in timings.items()}
    return ComparedRun(label, path, items, result, seconds, card, int(repeat))


def _items(path: Path) -> dict[str, Path]:
    if (path / MANIFEST).is_file():
        result, _ = read_results(path)
        return {result.video.name: path}
    inner = path / "items" if (path / "items").is_dir() else path
    found = sorted(one.parent for one in inner.glob(f"*/{MANIFEST}")) if inner.is_dir() else []
    if not found:
        raise ConfigError(
            f"{path} holds no finished run.",
            hint="Name what `evaluate --run` or `segment -o` wrote; an interrupted run goes on with its command.",
        )
    return {one.name: one for one in found}


def _labels(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    parts = [path.absolute().parts for path in paths]
    depth = 1
    labels = ["/".join(one[-depth:]) for one in parts]
    while len(set(labels)) < len(set(parts)):
        depth += 1
        labels = ["/".join(one[-depth:]) for one in parts]
    seen: dict[str, int] = {}
    for place, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        labels[place] = label if seen[label] == 1 else f"{label} ({seen[label]})"
    return labels


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path) from error


def _yaml(path: Path) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ConfigError:
    return ConfigError(f"{path} cannot be read.", hint="The command that wrote the run writes it again.")
