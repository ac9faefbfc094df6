"""A session: one config, one backend and the loaded models, ready for any number of videos."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from alref_local.configs import load_config
from alref_local.engine import Engine
from alref_local.errors import ConfigError
from alref_local.events import Event
from alref_local.jobs import Job
from alref_local.masks import decode, union
from alref_local.media import open_video
from alref_local.media.folder import is_image
from alref_local.reason.backends import make_backend
from alref_local.reason.calls import CallLog
from alref_local.reason.card import Card, load_card
from alref_local.reason.resume import Resumed
from alref_local.runs import RunFolder, open_run
from alref_local.runs.record import Record, job_hash
from alref_local.seams import VideoReader
from alref_local.select.sampling import plan_clips
from alref_local.types import TargetResult

__all__ = ["Segmentation", "Session", "Window", "offline_asked"]

_T = TypeVar("_T")
_NOT_DECISIVE = {
    *("about", "licence", "gpu_memory", "serve", "endpoint", "key_env", "run"),
    *("timeout", "patience", "backoff", "concurrency"),
}
"""Fields of a card that do not decide what the masks are."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a video to segment: ``start`` and ``end`` in seconds, every ``every``-th frame."""

    start: float | None = None
    end: float | None = None
    every: int = 1


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What became of one video.

    Attributes:
        name: name of the video.
        size: ``(height, width)``.
        length: number of frames segmented.
        results: one per sentence, in the order asked.
        folder: the run folder, if one was written.
        timings: seconds by stage.
        reused: the folder was finished before by the same command, and nothing was computed.
    """

    name: str
    size: tuple[int, int]
    length: int
    results: tuple[TargetResult, ...]
    folder: Path | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    reused: bool = False

    def mask(self, frame: int, reference: int = 0) -> NDArray[np.bool_]:
        """``(H, W)`` bool: everything that a sentence refers to on a frame."""
        tracks = self.results[reference].tracks
        if not tracks:
            return np.zeros(self.size, np.bool_)
        return decode(union([track.masks[frame] for track in tracks]))


class Session:
    """Context manager; models load once, at the first video.

    Args:
        config: a config's name or path.
        backend: a card's name or path, or ``replay:RUN``.
        changes: nested settings laid over the config (after those of the card).
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        offline: use no network but this machine's own.
        seed: of the backend's sampling, instead of the card's.
    """

    def __init__(
        self,
        config: str | Path = "default",
        backend: str | Path = "none",
        *,
        changes: Mapping[str, Any] | None = None,
        device: str = "auto",
        offline: bool = False,
        seed: int | None = None,
    ) -> None:
        card = load_card(backend)
        if seed is not None and card.seed is None:
            raise ConfigError(f"The backend '{card.name}' takes no seed.", hint="Leave --seed out.")
        self.card = card if seed is None else card.model_copy(update={"seed": seed})
        self.settings = load_config(config, self.card.settings, changes or {})
        self.offline = offline or offline_asked()
        self._device = device

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if "engine" in self.__dict__:
            self.engine.close()

    @cached_property
    def engine(self) -> Engine:
        """The models, which every video of the session shares."""
        return Engine(self.settings, device=self._device)

    def check(self) -> None:
        """Find out before the first video what the config names and is not there (weights are looked for later).

        Raises:
            ConfigError: a class, device or prompt does not exist.
        """
        _ = self.engine

    def segment(
        self,
        job: Job,
        out: Path | None = None,
        *,
        window: Window | None = None,
        cutouts: bool = False,
        tell: Callable[[Event], None] = lambda event: None,
    ) -> Segmentation:
        """Segment one video, and write its run folder to ``out`` if given.

        Raises:
            AlrefError: as the errors' own descriptions say; what was written before stays.
        """
        window = window or Window()
        with open_video(job.source, start=window.start, end=window.end, every=window.every) as video:
            _check_pivots(job, video)
            if out is None:
                return _run(self._follow(Record(video), job, None, tell))
            return self._to_folder(job, video, out, window, cutouts, tell)

    def plan(self, job: Job, window: Window | None = None) -> dict[str, Any]:
        """What segmenting a video would ask of the backend; loads no model.

        Returns:
            ``name``, ``frames``, ``clips``, ``questions`` (a clip without candidates saves one, an invalid answer costs
            one more), ``backend``.
        """
        window = window or Window()
        with open_video(job.source, start=window.start, end=window.end, every=window.every) as video:
            clips, fixed = plan_clips(len(video), video.fps, self.settings)
            frame_questions = sum(fixed is None and len(clip.frames) > 1 for clip in clips)
            box_questions = len(clips) if self.settings.pivots.box == "reason" else 0
            asked = sum(not query.pivots for query in job.queries)
            return {
                "name": job.name,
                "frames": len(video),
                "clips": len(clips),
                "questions": asked * (frame_questions + box_questions),
                "backend": self.card.name,
            }

    def _to_folder(
        self,
        job: Job,
        video: VideoReader,
        out: Path,
        window: Window,
        cutouts: bool,
        tell: Callable[[Event], None],
    ) -> Segmentation:
        card = self._card_of(job)
        identity = self._identity(job, card, window, cutouts)
        folder = RunFolder(out)
        if folder.finished:
            done = open_run(out)
            if done.manifest.get("job") != identity:
                raise ConfigError(
                    f"{out} holds a finished run of something else.",
                    hint="Choose another folder with -o, or remove it.",
                )
            size = (done.video.height, done.video.width)
            return Segmentation(job.name, size, len(video), done.results, out, done.timings, reused=True)
        folder.write_config(self.settings, card.model_dump(mode="json"))
        record = Record(video, folder, cutouts)
        with CallLog(folder.calls_path) as log:
            segmentation = _run(self._follow(record, job, log, tell))
        facts = {"source": str(job.source), "window": asdict(window), "device": self._device}
        record.finish({"job": identity, **facts, "weights": self.engine.weights()})
        return segmentation

    def _card_of(self, job: Job) -> Card:
        """The card; a replayed list of videos has one call log for each."""
        run = self.card.run
        if run is not None and (run / job.name / "calls.jsonl").is_file():
            return self.card.model_copy(update={"run": run / job.name})
        return self.card

    def _identity(self, job: Job, card: Card, window: Window, cutouts: bool) -> str:
        settings = self.settings
        return job_hash(
            version=version("alref-local"),
            source=_fingerprint(job.source),
            window=window,
            cutouts=cutouts,
            queries=job.queries,
            settings=settings.model_dump(mode="json", exclude={"name", "about"}),
            prompts=dict(self.engine.prompts.templates),
            weights=[
                _fingerprint(Path(section.model)) for section in (settings.grounding, settings.segmentation)
            ],
            card=card.model_dump(mode="json", exclude=_NOT_DECISIVE),
            replayed=_fingerprint(card.run / "calls.jsonl") if card.run is not None else None,
        )

    async def _follow(
        self, record: Record, job: Job, log: CallLog | None, tell: Callable[[Event], None]
    ) -> Segmentation:
        video, folder, card = record.video, record.folder, self._card_of(job)
        backend = make_backend(card, log=log, offline=self.offline)
        if folder is not None and card.kind in ("openai", "vllm"):
            backend = Resumed(backend, card, folder.path)
        try:
            await record.follow(self.engine.events(video, job.queries, backend), tell)
        finally:
            await backend.close()
        return Segmentation(
            job.name, video.size, len(video), record.results, folder.path if folder else None, record.timings
        )


def offline_asked() -> bool:
    """Whether the environment asks for no network (``HF_HUB_OFFLINE``)."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().lower() in {"1", "true", "yes", "on"}


def _check_pivots(job: Job, video: VideoReader) -> None:
    height, width = video.size
    for pivot in (pivot for query in job.queries for pivot in query.pivots):
        if pivot.frame >= len(video) or pivot.box.x1 > width or pivot.box.y1 > height:
            raise ConfigError(
                f"The pivot on frame {pivot.frame} lies outside the video.",
                hint=f"It has {len(video)} frames of {width}x{height} pixels.",
            )


def _fingerprint(source: Path) -> list[Any]:
    """Name, size and time of a file, or of the frames or weights in a folder; nothing for a name that is no path."""
    try:
        files = [source]
        if source.is_dir():
            files = sorted(
                path for path in source.iterdir() if is_image(path) or path.suffix == ".safetensors"
            )
        return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    except OSError:
        return [str(source)]


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """``asyncio.run``, also where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    box: list[_T] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            box.append(asyncio.run(work))
        except BaseException as error:  # carried over to the caller's thread
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return box[0]
