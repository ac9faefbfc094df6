"""Reads a finished run folder back, or says what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from alref_local.errors import ConfigError
from alref_local.metrics.pngs import read_mask
from alref_local.runs.coco import MasksFile
from alref_local.runs.manifest import MANIFEST, MasksHash
from alref_local.runs.notebook import About, ForNotebooks
from alref_local.runs.result import ResultFile, VideoInfo
from alref_local.settings import Settings
from alref_local.types import TargetResult, Totals

__all__ = ["Run", "open_run", "read_results"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Run(ForNotebooks):
    """A finished run.

    Attributes:
        path: its folder.
        settings: the protocol.
        backend: the backend's card.
        video: size, rate and frame names of the video.
        results: one per reference, masks included, in the order asked.
        timings: seconds by stage.
        usage: what the questions took, if the run says so.
        manifest: versions, weights, fingerprint of the masks.
    """

    path: Path
    settings: Settings
    backend: Mapping[str, Any]
    video: VideoInfo
    results: tuple[TargetResult, ...] = field(repr=False)  # thousands of masks
    timings: Mapping[str, float]
    usage: Totals | None
    manifest: Mapping[str, Any]

    @property
    def calls_path(self) -> Path:
        """Log of the backend's calls."""
        return self.path / "calls.jsonl"

    def masks_sha256(self) -> str:
        """Fingerprint of the PNG files as they are now; equals the manifest's unless they were changed."""
        digest = MasksHash()
        for result in self.results:
            for name in self.video.frame_names:
                file = f"{name}.png"
                digest.add(result.query.id, file, read_mask(self.path / "masks" / result.query.id / file))
        return digest.hexdigest()

    def _about(self) -> About:
        size = (self.video.height, self.video.width)
        return About(self.video.name, size, self.video.frame_names, self.path)


def open_run(path: Path) -> Run:
    """Read and check a run folder; every mask file must be there, its pixels are not decoded.

    Raises:
        ConfigError: no run folder, an unfinished one, or files that are missing or malformed.
    """
    result, results = read_results(path)
    for one in results:
        for name in result.video.frame_names:
            if not (file := path / "masks" / one.query.id / f"{name}.png").is_file():
                raise _broken(file, "it is missing")
    return Run(
        path=path,
        settings=_load(path / "config.yaml", lambda text: Settings.model_validate(yaml.safe_load(text))),
        backend=_load(path / "backend.yaml", lambda text: dict(yaml.safe_load(text))),
        video=result.video,
        results=results,
        timings=result.timings,
        usage=result.usage,
        manifest=_load(path / MANIFEST, lambda text: dict(json.loads(text))),
    )


def read_results(path: Path) -> tuple[ResultFile, tuple[TargetResult, ...]]:
    """Only what became of the references, masks included; who goes through thousands of folders needs no more.

    Raises:
        ConfigError: no run folder, an unfinished one, or these two files are missing or malformed.
    """
    if not (path / MANIFEST).is_file():
        raise ConfigError(
            f"{path} is not a finished run folder: it has no {MANIFEST}.",
            hint="If the run was interrupted, give the same command again; it goes on from there.",
        )
    result = _load(path / "result.json", ResultFile.model_validate_json)
    return result, _load(path / "masks.json", partial(_results, result))


def _results(result: ResultFile, masks_json: str) -> tuple[TargetResult, ...]:
    masks = MasksFile.model_validate_json(masks_json)
    results = tuple(one.with_tracks(masks.tracks(one.id)) for one in result.references)
    lengths = {len(track.masks) for one in results for track in one.tracks}
    if lengths - {len(result.video.frame_names)}:
        raise ValueError("a track has not one mask per frame")
    return results


def _load(path: Path, parse: Callable[[str], _T]) -> _T:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _broken(path, "it cannot be read") from error
    except (ValueError, TypeError, yaml.YAMLError) as error:
        reason = "it does not fit its schema" if isinstance(error, ValidationError) else str(error)
        raise _broken(path, reason.partition("\n")[0]) from error


def _broken(path: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"The run folder is damaged at {path}: {reason}.",
        hint="Remove its manifest.json and give the run's command again.",
    )
