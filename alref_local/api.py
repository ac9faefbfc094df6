"""The one call for scripts and notebooks; many videos with the same models go through ``session.Session``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alref_local.errors import ConfigError
from alref_local.jobs import Job, job_name, queries, with_rate
from alref_local.types import Pivot

if TYPE_CHECKING:
    from alref_local.events import Event
    from alref_local.session import Segmentation

__all__ = ["segment"]


def segment(
    video: str | Path,
    sentences: str | Sequence[str] = (),
    *,
    sound: bool = False,
    audio: str | Path | None = None,
    backend: str | Path = "none",
    config: str | Path = "default",
    changes: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    pivots: Sequence[Pivot] = (),
    start: float | None = None,
    end: float | None = None,
    every: int = 1,
    fps: float | None = None,
    device: str = "auto",
    offline: bool = False,
    seed: int | None = None,
    repeat: int | None = None,
    card: Mapping[str, Any] | None = None,
    cache: bool = True,
    on_event: Callable[[Event], None] | None = None,
) -> Segmentation:
    """Segment what sentences refer to in one video, or what makes a sound in it.

    Args:
        video: video file or folder of frames.
        sentences: one sentence or several; they share the encoder pass.
        sound: what is meant makes a sound; without sentences, whatever does. The first result then holds all of it,
            the others one thing each.
        audio: a sound file to listen to instead of the video's own track.
        backend: backend card by name or path, or ``replay:RUN``.
        config: config by name or path.
        changes: nested settings laid over it, as ``{"pivots": {"frame": "first"}}``.
        out: run folder to write; ``None`` writes nothing.
        pivots: your own boxes (xyxy pixels) in place of reasoning, for a single sentence.
        start: leave out what comes before, in seconds.
        end: leave out what comes from here on, in seconds.
        every: take every N-th frame.
        fps: frame rate of a folder of frames (24 if nobody says; needed with ``sound``).
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        offline: use no network but this machine's own.
        seed: of the backend's sampling.
        repeat: ask every question this often and count the votes.
        card: fields of the backend card to change, as ``{"endpoint": "http://gpu1:8000/v1"}``.
        cache: ask nothing again that any run asked before.
        on_event: told every event as it happens (``alref_local.events``).

    Returns:
        Masks, tracks and pivots; see ``Segmentation``.

    Raises:
        AlrefError: see ``alref_local.errors``.
    """
    from alref_local.session import Session, Window

    asked = queries([sentences] if isinstance(sentences, str) else sentences, pivots, sound=sound)
    if audio is not None and not sound:
        raise ConfigError("A sound file is of no use unless sound is asked for.", hint="Say sound=True.")
    source = Path(video)
    heard = None if audio is None else Path(audio)
    (job,) = with_rate([Job(job_name(source), source, asked, heard)], fps)
    with Session(
        config,
        backend,
        changes=changes,
        device=device,
        offline=offline,
        seed=seed,
        repeat=repeat,
        card=card,
        cache=cache,
    ) as session:
        return session.segment(
            job,
            None if out is None else Path(out),
            window=Window(start, end, every),
            tell=on_event or (lambda event: None),
        )
