"""A session: one config, one backend and the loaded models, ready for any number of videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alref_local.configs import load_config
from alref_local.dry_run import Plan, plan
from alref_local.errors import ConfigError, MediaError
from alref_local.events import Event
from alref_local.fingerprint import fingerprint
from alref_local.identity import identity
from alref_local.jobs import Job
from alref_local.masks import decode, union
from alref_local.media import Reader, open_video
from alref_local.media.audio import has_audio, open_audio
from alref_local.offline import offline_asked
from alref_local.places import Places
from alref_local.reason.backends import make_backend
from alref_local.reason.cache import AnswerCache
from alref_local.reason.calls import CallLog, read_calls
from alref_local.reason.card import Card, load_card
from alref_local.reason.local.responder import Models
from alref_local.reason.usage import totals
from alref_local.reason.vote import voter
from alref_local.runs import RunFolder, open_run
from alref_local.runs.notebook import About, ForNotebooks
from alref_local.runs.record import Record
from alref_local.select.known_events import known_events
from alref_local.select.stretches import Hearing
from alref_local.serve.devices import device_for
from alref_local.types import TargetResult, Totals
from alref_local.waiting import run_through

if TYPE_CHECKING:
    from alref_local.engine import Engine

__all__ = ["Segmentation", "Session", "Window"]


_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a video to segment: ``start`` and ``end`` in seconds, every ``every``-th frame."""

    start: float | None = None
    end: float | None = None
    every: int = 1


@dataclass(frozen=True, slots=True)
class Segmentation(ForNotebooks):
    """What became of one video.

    Attributes:
        name: name of the video.
        size: ``(height, width)``.
        length: number of frames segmented.
        results: one per sentence, in the order asked.
        folder: the run folder, if one was written.
        timings: seconds by stage.
        usage: what the questions took, as the run folder's call log says.
        reused: the folder was finished before by the same command, and nothing was computed.
    """

    name: str
    size: tuple[int, int]
    length: int
    results: tuple[TargetResult, ...] = field(repr=False)  # thousands of masks
    folder: Path | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    usage: Totals | None = None
    reused: bool = False

    def mask(self, frame: int, reference: int = 0) -> NDArray[np.bool_]:
        """``(H, W)`` bool: everything that a sentence refers to on a frame."""
        tracks = self.results[reference].tracks
        if not tracks:
            return np.zeros(self.size, np.bool_)
        return decode(union([track.masks[frame] for track in tracks]))

    def _about(self) -> About:
        return About(self.name, self.size, tuple(f"{frame:05d}" for frame in range(self.length)), self.folder)


class Session:
    """Context manager; models load once, at the first video.

    Args:
        config: a config's name or path.
        backend: a card's name or path, or ``replay:RUN``.
        changes: nested settings laid over the config (after those of the card).
        device: ``auto`` (of several GPUs, the first with room), ``cpu``, ``cuda`` or ``cuda:N``.
        offline: use no network but this machine's own.
        seed: of the backend's sampling, instead of the card's.
        repeat: how often each question is asked, instead of what the config says.
        card: (nested) fields of the card to change.
        cache: use the answers of earlier runs, and keep these for later ones.

    Raises:
        ConfigError: a card, config, setting or field does not exist or has a wrong value.
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
        repeat: int | None = None,
        card: Mapping[str, Any] | None = None,
        cache: bool = True,
    ) -> None:
        chosen = load_card(backend).overridden(card or {})
        if seed is not None and chosen.seed is None:
            raise ConfigError(f"The backend '{chosen.name}' takes no seed.", hint="Leave --seed out.")
        chosen = chosen if seed is None else chosen.overridden({"seed": seed})
        repeated = {} if repeat is None else {"reasoning": {"repeat": repeat}}
        self.settings = load_config(config, chosen.settings, changes or {}, repeated)
        self.card = voter(chosen, self.settings.reasoning.repeat)
        self._cache = AnswerCache() if cache else None
        self.offline = offline or offline_asked()
        self._asked_device, self._hears = device, False
        self._models: Models = {}
        self._lent = False
        self._places = Places(self.card.concurrency)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if "engine" in self.__dict__:
            self.engine.close()
        if not self._lent:
            self._models.clear()
        if self._cache is not None:
            self._cache.close()

    @cached_property
    def engine(self) -> Engine:
        """The models, which every video of the session shares."""
        from alref_local.engine import Engine  # torch comes with it, and a plan needs none

        return Engine(self.settings, device=self.device)

    @cached_property
    def device(self) -> str:
        """Where the models compute: a server of the language model may have taken the first GPU.

        Raises:
            PrerequisiteError: there are several GPUs, and no room on any.
        """
        if self._asked_device != "auto":
            return self._asked_device
        return device_for(self.settings, self.card, sound=self._hears)

    @property
    def at_once(self) -> int:
        """Videos that may be under way together: while a server reasons about one, the models work on the others."""
        return 1 if self.card.kind == "local" else _AT_ONCE

    def beside(self, card: Mapping[str, Any] = MappingProxyType({})) -> Session:
        """A session for another video at the same time, in another thread, with the models of this one.

        All of them together keep as many questions in flight as the card allows one.

        Args:
            card: fields of the card to change, of those that do not decide what the masks are.
        """
        engine = self.engine.beside()
        other = copy(self)  # with the device that was settled on
        other.engine, other._lent = engine, True
        other._cache = self._cache and AnswerCache()
        other.card = self.card.overridden(card)
        return other

    def check(self, *, sound: bool = False) -> None:
        """Find out before the first video what the config names and is not there (weights are looked for later).

        Raises:
            ConfigError: a class, device or prompt does not exist; for ``sound``, a vocabulary.
            PrerequisiteError: there are several GPUs, and no room on any.
        """
        self._hears |= sound
        engine = self.engine
        if sound:
            engine.check_sound()

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
        self._hears |= job.sounds
        with self._opened(job, window) as video:
            _check_pivots(job, video)
            if out is None:
                record = Record(video, hearing=self._hearing(job, video))
                return run_through(self._follow(record, job, None, tell))
            return self._to_folder(job, video, out, window, cutouts, tell)

    def dry_run(self, job: Job, window: Window | None = None) -> Plan:
        """What segmenting a video would ask of the backend, and about what that costs; loads no model."""
        with self._opened(job, window or Window()) as video:
            self._hearing(job, video)
            return plan(job, video, self.settings, self.card)

    def _to_folder(
        self,
        job: Job,
        video: Reader,
        out: Path,
        window: Window,
        cutouts: bool,
        tell: Callable[[Event], None],
    ) -> Segmentation:
        card = self._card_of(job)
        asked: dict[str, Any] = {"queries": job.queries, "window": window, "cutouts": cutouts}
        asked |= {"sound": job.sounds, "audio": job.audio and fingerprint(job.audio), "fps": job.fps}
        mine = identity(job.source, self.settings, card, self.engine.prompts.templates, **asked)
        with RunFolder(out) as folder:
            if folder.finished:
                return _finished_before(job, mine, out)
            hearing = self._hearing(job, video)
            folder.write_config(self.settings, card.model_dump(mode="json"))
            labels = hearing is not None and self.settings.sound.labels != "none"
            record = Record(video, folder, cutouts, hearing, labels)
            with CallLog(folder.calls_path) as log:
                segmentation = run_through(self._follow(record, job, log, tell))
            usage = totals(read_calls(out))
            facts = {"source": str(job.source), "window": asdict(window), "device": self.device}
            record.finish({"job": mine, **facts, "weights": self.engine.weights()}, usage)
            return replace(segmentation, usage=usage)

    def _opened(self, job: Job, window: Window) -> Reader:
        video = open_video(job.source, start=window.start, end=window.end, every=window.every, fps=job.fps)
        video.name = job.name  # a data set may call all its folders "frames"
        return video

    def _hearing(self, job: Job, video: Reader) -> Hearing | None:
        """The sound of a video, where it is asked for.

        Raises:
            MediaError: it has none, or it cannot be read.
            ConfigError: its known events cannot be, or nobody says when each of the frames is shown.
        """
        if not job.sounds:
            return None
        if job.audio is None and not has_audio(job.source):
            raise MediaError(
                f"{job.source.name} has no sound.", hint="Name its sound as a file of its own with --audio."
            )
        if job.is_frames and job.fps is None:
            raise ConfigError(
                f"{job.source.name} does not say its frame rate, and so not which frame a sound belongs to.",
                hint="Give frames per second with --fps.",
            )
        known = self.settings.sound.events.known
        events = () if known is None else known_events(Path(known), job.name)
        mine = tuple((start - video.offset, stop - video.offset) for start, stop in events)
        return Hearing(open_audio(job.audio or job.source), video.offset, mine)

    def _card_of(self, job: Job) -> Card:
        """The card; a replayed list of videos has one call log for each."""
        run = self.card.run
        if run is not None and (run / job.name / "calls.jsonl").is_file():
            return self.card.model_copy(update={"run": run / job.name})
        return self.card

    async def _follow(
        self, record: Record, job: Job, log: CallLog | None, tell: Callable[[Event], None]
    ) -> Segmentation:
        video, folder, card = record.video, record.folder, self._card_of(job)
        backend = make_backend(
            card,
            log=log,
            offline=self.offline,
            cache=self._cache,
            begun=folder.path if folder else None,
            repeat=self.settings.reasoning.repeat,
            device=self.device,
            models=self._models,
            places=self._places,
        )
        try:
            await record.follow(self.engine.events(video, job.queries, backend, record.hearing), tell)
        finally:
            await backend.close()
        return Segmentation(
            job.name, video.size, len(video), record.results, folder.path if folder else None, record.timings
        )


def _finished_before(job: Job, mine: str, out: Path) -> Segmentation:
    """What lies in a finished folder, if it is of the same command.

    Raises:
        ConfigError: it is of another one.
    """
    done = open_run(out)
    if done.manifest.get("job") != mine:
        raise ConfigError(
            f"{out} holds a finished run of something else.",
            hint="Choose another folder with -o, or remove it.",
        )
    size, length = (done.video.height, done.video.width), len(done.video.frame_names)
    return Segmentation(job.name, size, length, done.results, out, done.timings, done.usage, reused=True)


def _check_pivots(job: Job, video: Reader) -> None:
    height, width = video.size
    for pivot in (pivot for query in job.queries for pivot in query.pivots):
        if pivot.frame >= len(video) or pivot.box.x1 > width or pivot.box.y1 > height:
            raise ConfigError(
                f"The pivot on frame {pivot.frame} lies outside the video.",
                hint=f"It has {len(video)} frames of {width}x{height} pixels.",
            )
