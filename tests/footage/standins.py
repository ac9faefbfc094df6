"""A grounder and a segmentor on real pictures, plugged in as ``module:Class``.

They stand in for GroundingDINO and SAM 2, whose checkpoints are too large to test with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as Pil

from alref_local.seams import VideoReader
from alref_local.types import Box, Candidate, FrameMasks, Image, Prompt
from tests.footage.networks import DATA, Boxes, Floats, class_names, detect, iou, saliency

__all__ = ["PicoDet", "SparseU2Net", "U2Net"]


class PicoDet:
    """Grounder: the COCO classes that a sentence is known to mean, or names; touching ones as one box."""

    def __init__(self, box_threshold: float, max_candidates: int, **_: Any) -> None:
        self._least = box_threshold
        self._limit = max_candidates

    def with_thresholds(self, box_threshold: float, text_threshold: float) -> PicoDet:
        """The same with another box threshold; there is no text threshold to speak of."""
        return PicoDet(box_threshold, self._limit)

    def propose(self, images: Sequence[Image], texts: Sequence[str]) -> list[list[Candidate]]:
        """Candidates per (image, text) pair."""
        return [self._one(image, classes_of(text)) for image, text in zip(images, texts, strict=True)]

    def _one(self, image: Image, classes: Sequence[int]) -> list[Candidate]:
        found = detect(image, self._least)
        found = found[np.isin(found[:, 5], classes)]
        groups = [_grouped(row, found, len(classes)) for row in found]
        taken: list[Floats] = []
        for group in sorted(groups, key=lambda row: -row[4]):
            if not np.any(iou(group, np.array(taken, np.float32).reshape(-1, 5)) > 0.7):
                taken.append(group)
        return [Candidate(Box(*map(float, row[:4])), float(row[4])) for row in taken[: self._limit]]


@dataclass(slots=True)
class _Track:
    """An object on its way: boxes of its parts by class (-1: class unknown), and its last cut-out."""

    parts: dict[int, Floats]
    cut_out: Pil.Image | None = None

    @property
    def box(self) -> Floats:
        every = np.stack(list(self.parts.values()))
        return np.concatenate([every[:, :2].min(axis=0), every[:, 2:].max(axis=0)])

    def cut(self, image: Image) -> None:
        """Cut the object out anew, unless the saliency model sees next to nothing in the box."""
        around = np.asarray(Pil.fromarray(image).crop(_framed(self.box)))
        probability = saliency(around)
        if self.cut_out is None or np.mean(probability > 0.5) > 0.1:
            self.cut_out = Pil.fromarray(np.rint(probability * 255).astype(np.uint8))


class U2Net:
    """Segmentor: follows the parts of the object in the pivot box by detection, and cuts it out by saliency.

    It knows nothing but the pivots: which classes the object is made of is seen in the pivot box.
    """

    detect_every = 1
    refine_every = 4

    def __init__(self, **_: Any) -> None:
        pass

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        """Forward from the first start to the end, then backward; every track from its own start."""
        boxes = {(prompt.track_id, prompt.frame): _array(prompt) for prompt in prompts}
        starts = {prompt.track_id: prompt.frame for prompt in reversed(prompts)}
        starts |= {prompt.track_id: prompt.frame for prompt in prompts if prompt.start}
        yield from self._pass(video.stream(min(starts.values())), boxes, starts, 1)
        yield from self._pass(video.stream(0, max(starts.values()) + 1, reverse=True), boxes, starts, -1)

    def _pass(
        self,
        frames: Iterator[tuple[int, Image]],
        boxes: dict[tuple[int, int], Floats],
        starts: dict[int, int],
        sign: int,
    ) -> Iterator[FrameMasks]:
        """Every track from its start on; going backward, its start itself was told before."""
        tracks: dict[int, _Track] = {}
        for frame, image in frames:
            due = [one for one, start in starts.items() if sign * (frame - start) >= 0]
            prompted = any((one, frame) in boxes for one in due)
            looked = prompted or frame % self.detect_every == 0
            found = detect(image) if looked and due else np.zeros((0, 6), np.float32)
            for one in due:
                if (one, frame) in boxes:
                    tracks[one] = _Track(_parts(boxes[one, frame], found))
                elif looked:
                    tracks[one].parts = _moved(tracks[one].parts, found)
                if prompted or frame % self.refine_every == 0:
                    tracks[one].cut(image)
            if out := [one for one in due if sign > 0 or frame < starts[one]]:
                width, height = image.shape[1] // 2, image.shape[0] // 2
                drawn = np.stack([_painted(tracks[one], width, height) for one in out])
                logits = (drawn * 12 - 6).astype(np.float16)
                score = np.where((drawn > 0.5).any(axis=(1, 2)), 6, -6).astype(np.float32)
                yield FrameMasks(frame, tuple(out), logits, score)


class SparseU2Net(U2Net):
    """The same, looking and cutting seldom: for long videos of which only the way through is tested."""

    detect_every = 10
    refine_every = 60


def classes_of(text: str) -> tuple[int, ...]:
    """Indices of the COCO classes behind a sentence."""
    names = class_names()
    videos = json.loads((DATA / "annotations/davis2016_expressions.json").read_text())["videos"].values()
    for video in videos:
        if text in video["expressions"]:
            return tuple(names.index(name) for name in video["coco"])
    return tuple(index for index, name in enumerate(names) if re.search(rf"\b{name}s?\b", text.lower()))


def _grouped(row: Floats, found: Boxes, classes: int) -> Floats:
    """A detection joined with the best touching one of every other class: x0, y0, x1, y1, score."""
    members = {row[5]: row}
    for other in found[iou(row, found) > 0.05]:
        members.setdefault(other[5], other)
    every = np.stack(list(members.values()))
    edges = [*every[:, :2].min(axis=0), *every[:, 2:4].max(axis=0)]
    return np.array([*edges, every[:, 4].sum() / classes], np.float32)


def _array(prompt: Prompt) -> Floats:
    if prompt.box is None:
        raise ValueError("this segmentor takes boxes only")
    return np.array(prompt.box, np.float32)


def _parts(box: Floats, found: Boxes) -> dict[int, Floats]:
    """What the pivot box holds: the best detection of each class that lies in it and fills a quarter of it."""
    parts: dict[int, Floats] = {}
    for row in found[found[:, 4] > 0.3]:
        low, high = np.maximum(box[:2], row[:2]), np.minimum(box[2:4], row[2:4])
        both, own = np.prod(np.clip(high - low, 0, None)), np.prod(row[2:4] - row[:2])
        if both > 0.7 * own and both > 0.25 * np.prod(box[2:4] - box[:2]):
            parts.setdefault(int(row[5]), row[:4])
    return parts or {-1: box}


def _moved(parts: dict[int, Floats], found: Boxes) -> dict[int, Floats]:
    """Each part where it was found again; those that were not found go along with the others."""
    moved: dict[int, Floats] = {}
    for label, box in parts.items():
        same = found if label == -1 else found[found[:, 5] == label]
        overlap = iou(box, same)
        fit = np.where(overlap > 0.25, overlap + same[:, 4] / 2, 0)
        if fit.any():
            moved[label] = same[fit.argmax(), :4]
    shifts = [(box[:2] + box[2:] - parts[label][:2] - parts[label][2:]) / 2 for label, box in moved.items()]
    shift = np.tile(np.mean(shifts or [np.zeros(2)], axis=0), 2)
    return {label: moved.get(label, (box + shift).astype(np.float32)) for label, box in parts.items()}


def _framed(box: Floats, scale: float = 1) -> tuple[int, int, int, int]:
    """The box with a tenth of room on every side, in whole pixels of the scaled picture."""
    room = np.tile(box[2:] - box[:2], 2) * [-0.1, -0.1, 0.1, 0.1]
    x0, y0, x1, y1 = np.rint((box + room) * scale).astype(int).tolist()
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _painted(track: _Track, width: int, height: int) -> Floats:
    """``(height, width)`` probability at half the video's size, the cut-out moved along with the box."""
    canvas = Pil.new("L", (width, height))
    x0, y0, x1, y1 = _framed(track.box, 0.5)
    if track.cut_out is not None:
        canvas.paste(track.cut_out.resize((x1 - x0, y1 - y0), Pil.Resampling.BILINEAR), (x0, y0))
    return np.asarray(canvas, np.float32) / np.float32(255)
