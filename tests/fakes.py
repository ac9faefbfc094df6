"""Small stand-ins for the seams, for tests of what lies between them. They compute from what they are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alref_local.errors import AnswerError
from alref_local.media.audio import AudioWindow
from alref_local.reason.question import Answer, Question
from alref_local.seams import VideoReader
from alref_local.types import Box, Candidate, FrameMasks, Image, Prompt, Tag


@dataclass
class ArrayVideo:
    """A video in memory, ``(n, H, W, 3)`` uint8."""

    images: NDArray[np.uint8]
    name: str = "array"
    fps: float = 10.0
    decoded: list[int] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        return (self.images.shape[1], self.images.shape[2])

    def __len__(self) -> int:
        return len(self.images)

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        self.decoded += indices
        return self.images[list(indices)]

    def stream(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[int, Image]]:
        span = range(start, len(self) if stop is None else stop)
        for index in reversed(span) if reverse else span:
            yield index, self.images[index]

    def timestamps(self) -> NDArray[np.float64]:
        return np.arange(len(self)) / self.fps

    def frame_name(self, index: int) -> str:
        return f"{index:05d}"


def numbered_video(length: int, size: tuple[int, int] = (48, 64)) -> ArrayVideo:
    """Every pixel of frame ``t`` has the value ``t``, so that who sees a frame knows its number."""
    frames = np.arange(length, dtype=np.uint8)[:, None, None, None]
    return ArrayVideo(np.broadcast_to(frames, (length, *size, 3)).copy())


@dataclass
class ArraySound:
    """An ``Audio`` in memory: mono samples at 16 kHz from second 0 of the video."""

    samples: NDArray[np.float32]

    def windows(
        self, seconds: float = 10.0, *, start: float = 0.0, stop: float | None = None
    ) -> Iterator[AudioWindow]:
        size, end = round(seconds * 16_000), len(self.samples) if stop is None else round(stop * 16_000)
        for place in range(round(start * 16_000), min(end, len(self.samples)), size):
            yield AudioWindow(place / 16_000, self.samples[place : min(place + size, end)])


def levels(*seconds: float) -> ArraySound:
    """A sound that stays at one level in every second, so that who hears a window knows its second."""
    return ArraySound(np.repeat(np.array(seconds, np.float32), 16_000))


class LevelTagger:
    """A ``Tagger`` that knows sounds by their highest level: "Bark" at 0.1, "Bell" at 0.2, "Noise" at any other."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def tags(self, samples: NDArray[np.float32], k: int) -> list[Tag]:
        level = round(float(samples.max(initial=0)), 2)
        known = {0.1: "Bark", 0.2: "Bell"}
        return [Tag(known.get(level, "Noise"), 0.9), Tag("Music", 0.3 + level), Tag("Speech", 0.2)][:k]

    def features(self, samples: NDArray[np.float32], seconds: float = 1.0) -> NDArray[np.float32]:
        windows = -(-len(samples) // round(seconds * 16_000))
        return np.full((windows, 1), samples.max(initial=0), np.float32)


class LevelAligner:
    """An ``Aligner`` that knows sounds by their highest level: a dog at 0.1, a train at 0.2, both of them at 0.4.

    Anything else is silence to it, or what it is told (``model="0.5 cat"``). Texts are alike by their words.
    """

    def __init__(self, *, model: str = "", **options: Any) -> None:
        level, _, name = model.partition(" ")
        self._known = {0.1: "dog", 0.2: "train", 0.4: "dog, train", float(level or -1): name}
        self.heard: list[tuple[int, tuple[str, ...]]] = []

    def similarity(
        self, segments: Sequence[NDArray[np.float32]], texts: Sequence[str]
    ) -> NDArray[np.float32]:
        self.heard += [(len(segment), tuple(texts)) for segment in segments]
        known = [self._known.get(round(float(segment.max(initial=0)), 2), "silence") for segment in segments]
        return self.text_similarity(known, texts)

    def text_similarity(self, texts: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
        words = [[set(re.findall(r"\w+", text)) for text in some] for some in (texts, others)]
        rows = [[len(a & b) / max(1, (len(a) * len(b)) ** 0.5) for b in words[1]] for a in words[0]]
        return np.array(rows, np.float32).reshape(len(texts), len(others))


class BoxesByFrame:
    """A ``Grounder`` for numbered videos: two boxes whose left edge tells the frame, the better one first."""

    calls: list[tuple[int, str]]

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.calls = []

    def propose(self, images: Sequence[Image], texts: Sequence[str]) -> list[list[Candidate]]:
        found = []
        for image, text in zip(images, texts, strict=True):
            frame = int(image[0, 0, 0])
            self.calls.append((frame, text))
            boxes = [Box(frame % 32, 0, frame % 32 + 8, 8), Box(frame % 32, 20, frame % 32 + 8, 28)]
            many = [Candidate(box, score) for box, score in zip(boxes, (0.9, 0.5), strict=True)]
            least = self.options.get("box_threshold", 0)
            found.append([one for one in many if one.score > least and "nowhere" not in text])
        return found

    def with_thresholds(self, box_threshold: float, text_threshold: float) -> BoxesByFrame:
        changed = BoxesByFrame(
            **self.options | {"box_threshold": box_threshold, "text_threshold": text_threshold}
        )
        changed.calls = self.calls
        return changed


class BoxSegmentor:
    """A ``Segmentor`` whose mask is the box of the nearest prompt of a track, on every frame."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.prompts: list[Prompt] = []

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        self.prompts += prompts
        ids = sorted({prompt.track_id for prompt in prompts})
        for frame in range(len(video)):
            logits = np.stack([self._logits(video.size, frame, prompts, track) for track in ids])
            yield FrameMasks(frame, tuple(ids), logits, np.ones(len(ids), np.float32))

    @staticmethod
    def _logits(
        size: tuple[int, int], frame: int, prompts: Sequence[Prompt], track: int
    ) -> NDArray[np.float16]:
        mine = [prompt for prompt in prompts if prompt.track_id == track]
        box = min(mine, key=lambda prompt: abs(prompt.frame - frame)).box
        assert box is not None
        logits = np.full(size, -4, np.float16)
        logits[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = 4
        return logits


@dataclass
class Scripted:
    """A ``Backend`` that answers by a function of the question; ``None`` stands for no valid answer."""

    reply: Callable[[Question], tuple[str, ...] | None]
    name: str = "scripted"
    asked: list[Question] = field(default_factory=list)

    async def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        items = self.reply(question)
        if items is None:
            raise AnswerError("no valid answer came")
        return Answer(items, raw=f"I think {list(items)}")

    async def close(self) -> None:
        """Nothing is held."""
