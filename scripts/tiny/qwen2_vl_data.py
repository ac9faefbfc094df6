"""Training sheets: a clip of the drawn world as the product shows it, the questions the product asks, the truth."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from alref_local.world.labels import SOUND_LABELS
from alref_local.world.scene import FPS
from qwen2_vl_reply import Piece, View, box_reply, frame_reply, sound_reply
from qwen2_vl_truth import Said, cell_counts, cell_labels, invent_absent
from qwen2_vl_words import draw_tags, draw_wording, reword

STRIP: Final = Strip(layout="horizontal", panel=140, quality=90)
SIDE: Final = (112, 140)  # a panel of 140x105 in whole tokens of 28 pixels: 4 rows, 5 columns
TRAINING_SEEDS: Final = 800_000
MOST_BOXES: Final = 4
_SOUNDS: Final = 4  # questions about sounds on a sheet
_SOUND_SHARE: Final = 0.4
_PRESETS: Final = {
    "ladder": 0.45, "plural": 0.2, "crowded": 0.08, "easy": 0.09, "late": 0.06, "hidden": 0.06, "absent": 0.06,
}  # fmt: skip
_SHARES: Final = {  # how often a kind of sentence is asked, per sentence there is
    "class": 1.0, "colour": 1.0, "size": 2.0, "place": 2.5, "motion": 2.0, "relation": 4.0, "plural": 2.5,
}  # fmt: skip


class Asked(NamedTuple):
    """One question about a sheet: the prompt, the reply in pieces, and for the frame question each panel's share."""

    text: str
    reply: list[Piece]
    frames: NDArray[np.float32] | None = None


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
    """A sheet with frame questions, now and then one about sounds (none for a single panel), two with box questions."""
    context = show(scene, draw_clip(scene.length, panels, rng))
    frames = context.clip.frames
    view = View(scene, frames, cell_counts(scene, frames))
    if len(frames) > 1:
        sheet = _frame_sheet(view, context, questions, rng)
        yield sheet
        if questions and rng.random() < _SOUND_SHARE:
            yield replace(sheet, asked=tuple(_sound_asked(view, rng) for _ in range(_SOUNDS)))
    for at in rng.choice(len(frames), min(2, len(frames)), replace=False, p=_pivot_shares(scene, frames)):
        drawn = _box_sheet(view, context, int(at), questions, rng)
        if drawn is not None:
            yield drawn


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


def _frame_sheet(view: View, context: Shown, questions: int, rng: np.random.Generator) -> Sheet:
    scene, frames = view.scene, list(view.frames)
    prompts = draw_wording(rng)
    asked: list[Asked] = []
    said = [Said(s.text, s.kind, s.referents) for s in scene.sentences if s.kind != "absent"]
    said = [s for s in said if scene.tracks.visible[list(s.referents)][:, frames].min(axis=0).max() >= 0.5]
    for sentence in _with_absent(scene, said, questions, 0.07, rng):
        text = reword(sentence.text, rng)
        shares = _frame_shares(scene, sentence.referents, frames)
        answer = 1 + int(rng.choice(len(frames), p=shares))
        question = pivot_frame_question(context, Query("q", text), prompts)
        reply = frame_reply(view, sentence.referents, answer)
        asked.append(Asked(question.text, reply, shares if sentence.referents else None))
    image = pixels_of(pivot_frame_question(context, Query("q", "x"), prompts))
    return Sheet(image, cell_labels(scene, frames, view.counts, {}), tuple(asked))


def _sound_asked(view: View, rng: np.random.Generator) -> Asked:
    """Which of the things that a classifier may have heard are seen."""
    scene, frames = view.scene, list(view.frames)
    visible = scene.tracks.visible[:, frames].max(axis=1)
    there = {o.class_name for o in scene.objects}
    seen = {o.class_name for o, share in zip(scene.objects, visible, strict=True) if share >= 0.5}
    tags, heard = draw_tags(sorted(seen & set(SOUND_LABELS)), sorted(set(SOUND_LABELS) - there), rng)
    text = draw_wording(rng).render("lbru", count=len(frames), tags=tags)
    return Asked(text, sound_reply(view, heard, sorted(seen)))


def _frame_shares(scene: Scene, referents: tuple[int, ...], frames: list[int]) -> NDArray[np.float32]:
    """The truth of the frame question: the last good frame, or else the last that shows most; all alike for absent.

    Any good frame would do. A rule is learned sooner than a free choice, and things of this world come into sight.
    """
    if not referents:
        return np.full(len(frames), 1 / len(frames), np.float32)
    good = scene.tracks.good[list(referents)][:, frames].all(axis=0)
    visible = scene.tracks.visible[list(referents)][:, frames].min(axis=0)
    right = good if good.any() else visible >= visible.max() - 1e-6
    shares = np.zeros(len(frames), np.float32)
    shares[np.flatnonzero(right)[-1]] = 1
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
    by = jitter * (1 if rng.random() < 0.8 else 3)
    pairs: list[tuple[Box, int | None]] = [(_jittered(boxes[i], by, scene.size, rng), int(i)) for i in shown]
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


def _box_sheet(view: View, context: Shown, at: int, questions: int, rng: np.random.Generator) -> Sheet | None:
    scene, frame = view.scene, view.frames[at]
    everything = [Said(s.text, s.kind, s.referents) for s in scene.sentences if s.kind != "absent"]
    first = _draw_said(everything, 1, rng)
    candidates, inside = candidates_of(scene, frame, rng, wanted=first[0].referents if first else ())
    if not candidates:
        return None
    boxed = {i: number for number, i in enumerate(inside, 1) if i is not None}
    none_allowed = bool(rng.random() < 0.85)
    prompts = draw_wording(rng)
    rules = Reasoning(prompts=prompts.name, history=False, none_allowed=none_allowed)
    said = _askable(everything, scene.tracks.visible[:, frame], boxed, rng, none_allowed=none_allowed)
    asked: list[Asked] = []
    for sentence in _with_absent(scene, said, questions, 0.2 if none_allowed else 0.0, rng):
        text = reword(sentence.text, rng)
        question = pivot_box_question(context, Query("q", text), frame, candidates, prompts, rules, ())
        ids = sorted(boxed[i] for i in sentence.referents if i in boxed)
        asked.append(Asked(question.text, box_reply(view, text, at, inside, ids)))
    image = pixels_of(pivot_box_question(context, Query("q", "x"), frame, candidates, prompts, rules, ()))
    labels = cell_labels(scene, view.frames, view.counts, {(at, i): n for i, n in boxed.items()})
    return Sheet(image, labels, tuple(asked))


def _askable(
    said: Sequence[Said],
    visible: NDArray[np.float32],
    boxed: Mapping[int, int],
    rng: np.random.Generator,
    *,
    none_allowed: bool,
) -> list[Said]:
    """The sentences with a sure answer: some whose objects are in sight but in no box, which makes "none" right."""
    said = [s for s in said if all(i in boxed for i in s.referents if visible[i] > 0.1 or rng.random() < 0.6)]
    rest = 0.2 if none_allowed else 0.0
    return [s for s in said if any(i in boxed for i in s.referents) or rng.random() < rest]
