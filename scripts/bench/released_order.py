"""The released code's order of work, in our words, on the same models: stage after stage, one thing at a time.

Every stage goes through all videos before the next one begins. Frames are read anew, strips drawn anew and a video
encoded anew for every sentence; one question is asked at a time; the chosen box is first turned into a mask on its own
frame. Models are loaded once here, which the released scripts do at every stage.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image as Pil

from alref_local.media import FrameFolder
from alref_local.perceive.grounding import GroundingDino
from alref_local.perceive.masks import binarize
from alref_local.perceive.segmentation import Sam2
from alref_local.reason.question import ImagePart
from alref_local.select.context import ClipContext
from alref_local.select.sampling import sample_clips
from alref_local.settings import Settings
from alref_local.types import Box, Candidate, Clip, FrameMasks, Prompt
from alref_local.world.scene import FPS
from plain import PlainSam2

__all__ = ["ReleasedOrder", "Task"]


class Task(NamedTuple):
    """A folder of frames, a sentence about it."""

    folder: Path
    sentence: str

    @property
    def video(self) -> FrameFolder:
        """Read anew."""
        return FrameFolder(self.folder, fps=FPS)


@dataclass
class _Pivot:
    task: Task
    clip: Clip
    frame: int = 0
    candidates: Sequence[Candidate] = ()
    box: Box | None = None


@dataclass
class ReleasedOrder:
    """Models of a config, and the address that answers."""

    settings: Settings
    endpoint: str
    questions: int = 0
    _found: list[_Pivot] = field(default_factory=list)

    def __post_init__(self) -> None:
        model = self.settings.segmentation.model
        self._grounder = GroundingDino(
            **self.settings.grounding.model_dump(exclude={"engine"}, exclude_none=True)
        )
        self._image = Sam2(model=model, resize=self.settings.segmentation.resize)
        self._video = PlainSam2(model=model, resize=self.settings.segmentation.resize)

    def run(self, tasks: Sequence[Task], out: Path) -> None:
        """All stages; a PNG for every frame and sentence, in ``OUT/VIDEO/SENTENCE``."""
        self._found = [_Pivot(task, clip) for task in tasks for clip in self._clips(task)]
        for pivot in self._found:
            context = self._context(pivot)
            answer = self._ask("Which frame?", context.plain_strip())
            pivot.frame = pivot.clip.frames[answer - 1]
        for pivot in self._found:
            image = self._context(pivot).image(pivot.frame)
            (pivot.candidates,) = self._grounder.propose([image], [pivot.task.sentence])
        for pivot in self._found:
            if pivot.candidates:
                context = self._context(pivot)
                boxes = [one.box for one in pivot.candidates]
                answer = self._ask("Which box?", context.painted_strip(pivot.frame, boxes))
                pivot.box = boxes[answer - 1]
        for number, task in enumerate(tasks):
            self._segment(task, out / task.folder.name / str(number))

    def _clips(self, task: Task) -> Sequence[Clip]:
        video = task.video
        return sample_clips(len(video), video.fps, self.settings.sampling)

    def _context(self, pivot: _Pivot) -> ClipContext:
        """Frames are read, and strips drawn, whenever they are needed."""
        images = list(pivot.task.video.frames(pivot.clip.frames))
        return ClipContext(pivot.task.folder.name, pivot.clip, images, self.settings.strip)

    def _ask(self, text: str, images: Sequence[ImagePart]) -> int:
        self.questions += 1
        urls = [f"data:{one.media_type};base64,{base64.b64encode(one.data).decode()}" for one in images]
        shown = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        content = [{"type": "text", "text": text}, *shown]
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()
        asked = urllib.request.Request(
            f"{self.endpoint}/chat/completions", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked) as reply:
            said = json.load(reply)["choices"][0]["message"]["content"]
        return int(re.findall(r"\[(\d+)\]", said)[-1])

    def _segment(self, task: Task, out: Path) -> None:
        video = task.video
        pivots = [one for one in self._found if one.task is task and one.box is not None]
        prompts = []
        for number, pivot in enumerate(pivots):
            mask = self._mask(video, pivot)
            prompts.append(Prompt(0, pivot.frame, mask=mask, start=number == len(pivots) // 2))
        out.mkdir(parents=True, exist_ok=True)
        for found in self._video.track(video, prompts) if prompts else ():
            self._write(found, video, out)

    def _mask(self, video: FrameFolder, pivot: _Pivot) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """The box as a mask on its own frame."""
        one = _Frame(video, pivot.frame)
        (found,) = self._image.track(one, [Prompt(0, 0, box=pivot.box)])
        mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = binarize(found, video.size, False)[0]
        return mask

    def _write(self, found: FrameMasks, video: FrameFolder, out: Path) -> None:
        mask = binarize(found, video.size, True)[0]
        Pil.fromarray(mask.astype(np.uint8) * 255).save(out / f"{video.frame_name(found.frame)}.png")


class _Frame(FrameFolder):
    """One frame of a folder as a video."""

    def __init__(self, video: FrameFolder, frame: int) -> None:
        super().__init__(video._paths[frame])
