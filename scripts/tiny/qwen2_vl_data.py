"""Training sheets: a clip of the drawn world as the product shows it, the questions the product asks, the truth."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from alref_local.reason.question import ImagePart, Question
from alref_local.select.context import ClipContext
from alref_local.select.pivot_box import pivot_box_question
from alref_local.select.pivot_frame import pivot_frame_question
from alref_local.select.sampling import sample_clips
from alref_local.settings import Reasoning, Sampling, Strip
from alref_local.types import Box, Candidate, Clip, Query
from alref_local.world import Scene, make_scene
from alref_local.world.scene import FPS
from qwen2_vl_truth import Cells, Said, cell_counts, cell_labels, invent_absent, spots
from qwen2_vl_words import draw_wording, reasoning, reword

STRIP: Final = Strip(layout="horizontal", panel=140, quality=90)
SIDE: Final = (112, 140)  # a panel of 140x105 in whole tokens of 28 pixels: 4 rows, 5 columns
TRAINING_SEEDS: Final = 800_000
MOST_BOXES: Final = 4
_PRESETS: Final = {
    "ladder": 0.45, "plural": 0.2, "crowded": 0.08, "easy": 0.09, "late": 0.06, "hidden": 0.06, "absent": 0.06,
}  # fmt: skip
_SHARES: Final = {  # how often a kind of sentence is asked, per sentence there is
    "class": 1.0, "colour": 1.0, "size": 2.0, "place": 2.0, "motion": 1.6, "relation": 3.0, "plural": 2.5,
}  # fmt: skip


class Asked(NamedTuple):
    """One question about a sheet.

    `text` is the prompt, `words` the reply up to its list. For the frame question `frames` is the share of each
    panel in the truth and `ids` one of them; for the box question `ids` are the right labels, ascending. `seen` marks
    the cells in which the referents are seen in any panel, `found` one row of cells for each of `ids`.
    """

    text: str
    words: str
    ids: tuple[int, ...]
    frames: NDArray[np.float32] | None
    seen: Cells
    found: NDArray[np.bool_]
    kind: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One image, uint8 (112, 140 n, 3) for n panels, truths for each of its cells (see `cell_labels`), questions."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    asked: tuple[Asked, ...]


@dataclass(frozen=True)
class Shown(ClipContext):
    """A clip whose painted strips are drawn once for all questions about them."""

    _painted: dict[tuple[int, tuple[Box, ...]], tuple[ImagePart, ...]] = field(default_factory=dict)

    def painted_strip(self, frame: int, boxes: Sequence[Box]) -> tuple[ImagePart, ...]:
        """As the product draws it."""
        key = frame, tuple(boxes)
        if key not in self._painted:
            self._painted[key] = super().painted_strip(frame, boxes)
        return self._painted[key]


def draw_scene(rng: np.random.Generator) -> Scene:
    """A scene that training may see."""
    preset = str(rng.choice(list(_PRESETS), p=list(_PRESETS.values())))
    return make_scene(preset, int(rng.integers(TRAINING_SEEDS)))


def draw_clip(length: int, panels: int, rng: np.random.Generator) -> Clip:
    """Up to `panels` frames: of the whole video mostly, else half a second apart and perhaps of a part of it."""
    whole = rng.random() < 0.7
    seconds = length / (panels * FPS) if whole else 0.5
    clips = sample_clips(length, FPS, Sampling(frames=panels, seconds=seconds, balance=True))
    return clips[rng.integers(len(clips))]


def show(scene: Scene, clip: Clip) -> Shown:
    """The clip in memory, in the strip style of config `tiny`."""
    return Shown("world", clip, [scene.frame(t) for t in clip.frames], STRIP)


def pixels_of(question: Question) -> NDArray[np.uint8]:
    """The question's image as the image processor resizes it, uint8 (112, 140 n, 3)."""
    with Pil.open(io.BytesIO(question.images[0].data)) as image:
        panels = round(image.width / SIDE[1])
        sized = image.resize((panels * SIDE[1], SIDE[0]), Pil.Resampling.BICUBIC)
        return np.asarray(sized)


def sheets(scene: Scene, panels: int, questions: int, rng: np.random.Generator) -> Iterator[Sheet]:
    """A sheet with frame questions (none for a single panel) and two with box questions."""
    context = show(scene, draw_clip(scene.length, panels, rng))
    counts = cell_counts(scene, context.clip.frames)
    if len(context.clip.frames) > 1:
        yield _frame_sheet(scene, context, counts, questions, rng)
    frames = context.clip.frames
    for at in rng.choice(len(frames), min(2, len(frames)), replace=False, p=_pivot_shares(scene, frames)):
        sheet = _box_sheet(scene, context, counts, int(at), questions, rng)
        if sheet is not None:
            yield sheet


def _pivot_shares(scene: Scene, frames: Sequence[int]) -> NDArray[np.float64]:
    """Pivot frames are mostly such as show objects well."""
    good = scene.tracks.good[:, list(frames)].sum(axis=0) + 0.15
    return np.asarray(good / good.sum())


def _draw_said(said: Sequence[Said], number: int, rng: np.random.Generator) -> list[Said]:
    if not said:
        return []
    shares = np.array([_SHARES[s.kind] for s in said])
    picked = rng.choice(len(said), min(number, len(said)), replace=False, p=shares / shares.sum())
    return [said[i] for i in picked]


def _with_absent(
    scene: Scene, said: Sequence[Said], questions: int, share: float, rng: np.random.Generator
) -> list[Said]:
    """So many sentences, about `share` of them about something that is not there, in any order."""
    absent = [invent_absent(scene, rng) for _ in range(questions) if rng.random() < share]
    drawn = [*_draw_said(said, questions - len(absent), rng), *absent]
    return [drawn[i] for i in rng.permutation(len(drawn))]


def _frame_sheet(
    scene: Scene, context: Shown, counts: NDArray[np.int64], questions: int, rng: np.random.Generator
) -> Sheet:
    frames = list(context.clip.frames)
    prompts = draw_wording(rng)
    asked: list[Asked] = []
    said = [Said(s.text, s.kind, s.referents) for s in scene.sentences if s.kind != "absent"]
    said = [s for s in said if scene.tracks.visible[list(s.referents)][:, frames].min(axis=0).max() >= 0.5]
    for sentence in _with_absent(scene, said, questions, 0.07, rng):
        text = reword(sentence.text, rng)
        shares = _frame_shares(scene, sentence.referents, frames)
        question = pivot_frame_question(context, Query("q", text), prompts)
        answer = int(rng.choice(len(frames), p=shares)) if sentence.referents else 0
        seen = spots(counts, sentence.referents)
        found = seen & np.repeat(shares > 0, 5)[None]
        things = sorted((scene.objects[i] for i in sentence.referents), key=str)
        words = reasoning(text, things)
        asked.append(Asked(question.text, words, (answer + 1,), shares, seen, found[None], sentence.kind))
    image = pixels_of(pivot_frame_question(context, Query("q", "x"), prompts))
    return Sheet(image, cell_labels(scene, context.clip.frames, counts, {}), tuple(asked))


def _frame_shares(scene: Scene, referents: tuple[int, ...], frames: list[int]) -> NDArray[np.float32]:
    """The truth of the frame question: good frames alike, or else those that show most; all alike for absent."""
    if not referents:
        return np.full(len(frames), 1 / len(frames), np.float32)
    good = scene.tracks.good[list(referents)][:, frames].all(axis=0)
    visible = scene.tracks.visible[list(referents)][:, frames].min(axis=0)
    right = good if good.any() else visible >= visible.max() - 1e-6
    shares: NDArray[np.float32] = (right / right.sum()).astype(np.float32)
    return shares


def candidates_of(
    scene: Scene, t: int, rng: np.random.Generator, *, wanted: Sequence[int] = (), jitter: float = 0.04
) -> tuple[list[Candidate], list[int | None]]:
    """Up to four boxes on frame `t` in random order, and the object in each; `wanted` objects come in first.

    Boxes are the objects' true ones, moved a little; one in eight sheets has a box around nothing as well.
    """
    boxes, visible = scene.boxes(t), scene.visible(t)
    shown = [i for i in rng.permutation(len(visible)) if visible[i] >= 0.3]
    shown = sorted(shown, key=lambda i: i not in wanted)[
        : int(rng.choice(MOST_BOXES, p=[0.08, 0.22, 0.4, 0.3])) + 1
    ]
    pairs: list[tuple[Box, int | None]] = [
        (_jittered(boxes[i], jitter, scene.size, rng), int(i)) for i in shown
    ]
    if jitter and len(pairs) < MOST_BOXES and rng.random() < 0.125:
        pairs.append((_nothing(scene.size, rng), None))
    order = rng.permutation(len(pairs))
    return [Candidate(pairs[i][0], 1.0) for i in order], [pairs[i][1] for i in order]


def _jittered(box: NDArray[np.float32], by: float, size: tuple[int, int], rng: np.random.Generator) -> Box:
    sides = np.array([box[2] - box[0], box[3] - box[1]] * 2)
    edges = np.array([size[1], size[0]] * 2)
    x0, y0, x1, y1 = np.clip(box + rng.normal(0, by, 4) * sides, 0, edges)
    return Box(float(x0), float(y0), float(max(x1, x0 + 4)), float(max(y1, y0 + 4)))


def _nothing(size: tuple[int, int], rng: np.random.Generator) -> Box:
    width, height = rng.uniform(0.12, 0.35, 2) * size[0]
    x, y = rng.uniform(0, size[1] - width), rng.uniform(0, size[0] - height)
    return Box(float(x), float(y), float(x + width), float(y + height))


def _box_sheet(
    scene: Scene, context: Shown, counts: NDArray[np.int64], at: int, questions: int, rng: np.random.Generator
) -> Sheet | None:
    frame = context.clip.frames[at]
    everything = [Said(s.text, s.kind, s.referents) for s in scene.sentences if s.kind != "absent"]
    first = _draw_said(everything, 1, rng)
    candidates, inside = candidates_of(scene, frame, rng, wanted=first[0].referents if first else ())
    if not candidates:
        return None
    boxed = {i: number for number, i in enumerate(inside, 1) if i is not None}
    visible = scene.tracks.visible[:, frame]
    # An object in sight but in no box would make "none" right too; some such questions are enough.
    said = [
        s
        for s in everything
        if all(i in boxed for i in s.referents if visible[i] > 0.1 or rng.random() < 0.6)
    ]
    said = [s for s in said if any(i in boxed for i in s.referents) or rng.random() < 0.2]
    prompts = draw_wording(rng)
    none_allowed = bool(rng.random() < 0.85)
    rules = Reasoning(prompts=prompts.name, history=False, none_allowed=none_allowed)
    if not none_allowed:
        said = [s for s in said if any(i in boxed for i in s.referents)]
    asked: list[Asked] = []
    for sentence in _with_absent(scene, said, questions, 0.22 if none_allowed else 0.0, rng):
        text = reword(sentence.text, rng)
        question = pivot_box_question(context, Query("q", text), frame, candidates, prompts, rules, ())
        chosen = sorted((boxed[i], i) for i in sentence.referents if i in boxed)
        words = reasoning(text, [scene.objects[i] for _, i in chosen])
        here = np.repeat(np.arange(len(context.clip.frames)) == at, 5)[None]
        found = np.array([spots(counts, (i,)) & here for _, i in chosen], bool).reshape(
            -1, *here.shape[:0], *counts.shape[1:]
        )
        seen = spots(counts, tuple(i for _, i in chosen))
        ids = tuple(number for number, _ in chosen)
        asked.append(Asked(question.text, words, ids, None, seen, found, sentence.kind if ids else "absent"))
    image = pixels_of(pivot_box_question(context, Query("q", "x"), frame, candidates, prompts, rules, ()))
    return Sheet(
        image,
        cell_labels(scene, context.clip.frames, counts, {(at, i): n for i, n in boxed.items()}),
        tuple(asked),
    )
