"""The demo: draw a clip with exact truth, write it as a video file, segment it, and score the files on disk."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from alref_local.errors import ConfigError
from alref_local.events import Event
from alref_local.files import write_bytes
from alref_local.jobs import Job, queries
from alref_local.media.encode import write_video
from alref_local.metrics import score_folders
from alref_local.runs.folder import is_run
from alref_local.session import Segmentation, Session
from alref_local.world import Scene, Sentence, make_scene

__all__ = ["Demo", "draw", "run_demo"]


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo made, and how well: J, F and J&F of the masks on disk against the drawn truth.

    Of sound, ``sentence`` is empty, and truth is what sounds in a frame.
    """

    clip: Path
    sentence: str
    segmentation: Segmentation
    scores: dict[str, float]


def run_demo(
    out: Path,
    *,
    preset: str = "",
    seed: int = 3,
    backend: str = "tiny",
    sound: bool = False,
    device: str = "auto",
    tell: Callable[[Event], None] = lambda event: None,
) -> Demo:
    """Draw, segment with the bundled tiny checkpoints, and score.

    Args:
        out: folder for ``clip.mp4``, ``truth/`` and the run folder ``run/``, which are made anew.
        preset: preset of the drawn world; by default ``ladder``, or ``sound`` for sound.
        seed: which clip.
        backend: backend card by name or path.
        sound: ask for what sounds instead of what the clip's sentence says.
        device: as for ``segment``.
        tell: told every event.

    Raises:
        AlrefError: as for ``segment``.
    """
    scene = make_scene(preset or ("sound" if sound else "ladder"), seed)
    sentence = None if sound else scene.target
    run = out / "run"
    _clear(run, out / "truth")
    clip = draw(scene, sentence, out)
    asked = queries([sentence.text] if sentence else [], sound=sound)
    with Session("tiny", backend, device=device, offline=True, cache=False) as session:
        done = session.segment(Job("clip", clip, asked), run, tell=tell)
    scores = score_folders(run / "masks" / asked[0].id, out / "truth")["mean"]
    return Demo(clip, sentence.text if sentence else "", done, scores)


def _clear(run: Path, truth: Path) -> None:
    """Remove what an earlier demo left, and nothing else."""
    if run.exists() and not is_run(run):
        raise ConfigError(f"{run} is no run of this tool.", hint="Choose another folder with -o.")
    shutil.rmtree(run, ignore_errors=True)
    for picture in truth.glob("[0-9][0-9][0-9][0-9][0-9].png"):
        picture.unlink()


def draw(scene: Scene, sentence: Sentence | None, out: Path) -> Path:
    """Write ``clip.mp4``, with its sound, and ``truth/*.png`` (0/255) into ``out``; returns the clip's path.

    Truth is the union of the sentence's referents; without a sentence, of what sounds in the frame.
    """
    for t in range(scene.length):
        meant = np.flatnonzero(scene.sounding(t)) if sentence is None else list(sentence.referents)
        truth = scene.masks(t)[meant].any(axis=0)
        buffer = io.BytesIO()
        Image.fromarray(truth.astype(np.uint8) * 255).save(buffer, "PNG")
        write_bytes(out / "truth" / f"{t:05d}.png", buffer.getvalue())
    clip = out / "clip.mp4"
    sound = None if scene.sound is None else scene.audio
    write_video(clip, (scene.frame(t) for t in range(scene.length)), scene.fps, sound=sound)
    return clip
