"""Measure a tiny Qwen2-VL folder on drawn clips: the product's questions, transformers' generate, the product's parser.

    python scripts/tiny/qwen2_vl_eval.py FOLDER --clips 200 --seed 900000 [--panels 6] [--prompts tiny] [--json]

Frames are sampled as config `tiny` says, candidates are the objects' true boxes in random order, and the pivot frame
of the box question is the middle one of the good sampled frames.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image as Pil
from transformers import AutoImageProcessor, AutoTokenizer, Qwen2VLForConditionalGeneration

from alref_local.errors import AnswerError
from alref_local.reason.parse import parse
from alref_local.reason.prompts import PromptSet, load_prompts
from alref_local.reason.question import AnswerSpec, Question
from alref_local.select.context import ClipContext
from alref_local.select.pivot_box import pivot_box_question
from alref_local.select.pivot_frame import pivot_frame_question
from alref_local.select.sampling import sample_clips
from alref_local.settings import Reasoning, Sampling
from alref_local.types import Box, Candidate, Query
from alref_local.world import Scene, Sentence, make_scene
from alref_local.world.labels import SOUND_LABELS
from alref_local.world.scene import FPS
from qwen2_vl_data import MOST_BOXES, show
from qwen2_vl_words import draw_tags

LONGEST_REPLY: Final = 160  # tokens
SINGLE: Final = ("class", "colour", "size", "place", "motion", "relation")


@dataclass(frozen=True, slots=True)
class Row:
    """One question and what became of it; `ids` is None where the reply was no valid list."""

    preset: str
    seed: int
    step: str
    kind: str
    target: bool
    panels: int
    boxes: int
    right: bool
    ids: tuple[int, ...] | tuple[str, ...] | None


class Reader:
    """A folder's model, tokenizer and image processor, as transformers loads them."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.images = AutoImageProcessor.from_pretrained(folder, backend="pil")
        self.model = Qwen2VLForConditionalGeneration.from_pretrained(folder).eval()

    def reply(self, question: Question) -> str:
        """What the model says, greedily."""
        inputs = self.inputs(question)
        with torch.inference_mode():
            out = self.model.generate(**inputs, max_new_tokens=LONGEST_REPLY, do_sample=False)
        said = out[0, inputs["input_ids"].shape[1] :]
        return str(self.tokenizer.decode(said, skip_special_tokens=True))

    def inputs(self, question: Question) -> dict[str, torch.Tensor]:
        """The question in the model's own chat form."""
        with Pil.open(io.BytesIO(question.images[0].data)) as image:
            seen = self.images(images=image.convert("RGB"), return_tensors="pt")
        cells = int(seen["image_grid_thw"][0].prod()) // 4
        content = [{"type": "image"}, {"type": "text", "text": question.text}]
        text = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        ids = self.tokenizer(
            text.replace("<|image_pad|>", "<|image_pad|>" * cells),
            return_tensors="pt",
            add_special_tokens=False,
        ).input_ids
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "pixel_values": seen["pixel_values"].to(self.model.dtype),
            "image_grid_thw": seen["image_grid_thw"],
            "mm_token_type_ids": (ids == self.model.config.image_token_id).int(),
        }

    def ask(self, question: Question) -> tuple[int, ...] | None:
        """The ids of the reply, or None if it holds no valid list."""
        names = self.names(question)
        return None if names is None else tuple(map(int, names))

    def names(self, question: Question) -> tuple[str, ...] | None:
        """The items of the reply, or None if it holds no valid list."""
        try:
            return tuple(parse(self.reply(question), question.spec))
        except AnswerError:
            return None


class Judge:
    """Asks about one scene with one prompt set and knows the truth."""

    def __init__(self, reader: Reader, preset: str, seed: int, panels: int, prompts: PromptSet) -> None:
        self.reader, self.preset, self.seed, self.prompts = reader, preset, seed, prompts
        self.scene: Scene = make_scene(preset, seed)
        seconds = 0.5 if panels == 6 else self.scene.length / (panels * FPS)
        rule = Sampling(frames=panels, seconds=seconds, balance=True)
        self.context: ClipContext = show(self.scene, sample_clips(self.scene.length, FPS, rule)[0])
        self.frames = self.context.clip.frames

    def frame(self, sentence: Sentence) -> Row | None:
        """The pivot-frame question; None where no sampled frame is good."""
        good = {self.frames.index(f) + 1 for f in self.frames if f in sentence.good_frames}
        if not good:
            return None
        ids = self.reader.ask(pivot_frame_question(self.context, Query("q", sentence.text), self.prompts))
        return self._row("pivot_frame", sentence, 0, ids is not None and set(ids) <= good, ids)

    def box(self, sentence: Sentence) -> Row | None:
        """The pivot-box question on a good frame; None where there is none, or no candidate."""
        good = [f for f in self.frames if f in sentence.good_frames or not sentence.referents]
        if not good:
            return None
        frame = good[len(good) // 2]
        candidates, inside = true_candidates(self.scene, frame, sentence.referents, self.seed)
        if not candidates:
            return None
        rules = Reasoning(prompts=self.prompts.name, history=False, none_allowed=True)
        question = pivot_box_question(
            self.context, Query("q", sentence.text), frame, candidates, self.prompts, rules, ()
        )
        question = replace(question, spec=replace(question.spec, max_items=len(candidates)))
        ids = self.reader.ask(question)
        right = {number for number, i in enumerate(inside, 1) if i in sentence.referents}
        return self._row("pivot_box", sentence, len(candidates), ids is not None and set(ids) == right, ids)

    def sounds(self) -> Row:
        """The LBRU question, with labels as a classifier may give them."""
        objects, shares = self.scene.objects, self.scene.tracks.visible[:, list(self.frames)].max(axis=1)
        seen = {o.class_name for o, share in zip(objects, shares, strict=True) if share >= 0.5}
        unseen = set(SOUND_LABELS) - {o.class_name for o in objects}
        rng = np.random.default_rng(self.seed)
        tags, heard = draw_tags(sorted(seen & set(SOUND_LABELS)), sorted(unseen), rng)
        question = Question(
            step="lbru",
            text=self.prompts.render("lbru", count=len(self.frames), tags=tags),
            images=self.context.plain_strip(),
            spec=AnswerSpec(tuple(SOUND_LABELS), "names", max_items=5, none_allowed=True),
            address=self.context.address(Query("q", ""), "lbru"),
            prompt_set=self.prompts.name,
        )
        names = self.reader.names(question)
        right = names is not None and set(names) == set(heard) & seen
        return Row(self.preset, self.seed, "lbru", "sound", False, len(self.frames), 0, right, names)

    def _row(
        self, step: str, sentence: Sentence, boxes: int, right: bool, ids: tuple[int, ...] | None
    ) -> Row:
        target = sentence.text == self.scene.target.text
        return Row(
            self.preset, self.seed, step, sentence.kind, target, len(self.frames), boxes, right, ids
        )  # fmt: skip


def true_candidates(
    scene: Scene, frame: int, referents: Sequence[int], seed: int
) -> tuple[list[Candidate], list[int]]:
    """Boxes of the referents and of other objects that are at least a third in sight, at most four, shuffled."""
    visible, boxes = scene.visible(frame), scene.boxes(frame)
    rng = np.random.default_rng(seed)
    shown = [int(i) for i in rng.permutation(len(visible)) if visible[i] >= 1 / 3 or i in referents]
    shown = sorted(shown, key=lambda i: i not in referents)[:MOST_BOXES]
    inside = [shown[i] for i in rng.permutation(len(shown))]
    return [Candidate(Box(*map(float, boxes[i])), 1.0) for i in inside], inside


def evaluate(
    reader: Reader,
    preset: str,
    clips: int,
    seed: int,
    *,
    panels: int = 6,
    prompts: str = "tiny",
    others: int = 2,
) -> Iterator[Row]:
    """The target of each clip, one absent and one plural sentence of it where there are, and `others` more."""
    wording = load_prompts(prompts)
    for number in range(seed, seed + clips):
        judge = Judge(reader, preset, number, panels, wording)
        scene, rng = judge.scene, np.random.default_rng(number)
        chosen = {scene.target.text: scene.target}
        for kinds, most in ((("absent",), 1), (("plural",), 1), (SINGLE, others)):
            known = [s for s in scene.sentences if s.kind in kinds]
            chosen |= {known[i].text: known[i] for i in rng.permutation(len(known))[:most]}
        yield judge.sounds()
        for sentence in chosen.values():
            rows = (judge.frame(sentence), judge.box(sentence))
            yield from (row for row in rows if row is not None)


def rate(rows: Sequence[Row]) -> dict[str, float | int]:
    """Share that is right, with the half width of its 95 % interval, and how many there are."""
    n = len(rows)
    share = sum(r.right for r in rows) / n if n else 0.0
    half = 1.96 * (share * (1 - share) / n) ** 0.5 if n else 0.0
    return {"share": round(share, 3), "half": round(half, 3), "n": n}


def denied(rows: Sequence[Row]) -> dict[str, float | int]:
    """Share of questions answered "none"."""
    return rate([replace(row, right=row.ids == ()) for row in rows])


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The figures: targets, all single referents, plural, absent, denied, by kind, by panels and boxes."""
    box = [r for r in rows if r.step == "pivot_box"]
    frame = [r for r in rows if r.step == "pivot_frame"]
    single = [r for r in box if r.kind in SINGLE]
    present = [r for r in box if r.kind != "absent"]
    figures: dict[str, Any] = {
        "frame, targets": rate([r for r in frame if r.target]),
        "box, targets": rate([r for r in box if r.target and r.kind in SINGLE]),
        "frame, all single": rate([r for r in frame if r.kind in SINGLE]),
        "box, all single": rate(single),
        "frame, plural": rate([r for r in frame if r.kind == "plural"]),
        "box, plural": rate([r for r in box if r.kind == "plural"]),
        "absent recognised": rate([r for r in box if r.kind == "absent"]),
        "present denied": denied(present),
        "targets denied": denied([r for r in present if r.target]),
        "sounds": rate([r for r in rows if r.step == "lbru"]),
        "no valid list": rate([replace(r, right=r.ids is None) for r in rows]),
    }
    for kind in SINGLE:
        figures[f"box, {kind}"] = rate([r for r in box if r.kind == kind])
        figures[f"frame, {kind}"] = rate([r for r in frame if r.kind == kind])
    for boxes in range(1, MOST_BOXES + 1):
        figures[f"box, {boxes} boxes"] = rate([r for r in single if r.boxes == boxes])
    for panels in sorted({r.panels for r in rows}):
        figures[f"box, {panels} panels"] = rate([r for r in single if r.panels == panels])
        figures[f"frame, {panels} panels"] = rate(
            [r for r in frame if r.panels == panels and r.kind in SINGLE]
        )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="ladder")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=800_000)
    parser.add_argument("--panels", type=int, default=6)
    parser.add_argument("--prompts", default="tiny")
    parser.add_argument("--others", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = list(
        evaluate(
            Reader(given.folder), given.preset, given.clips, given.seed,
            panels=given.panels, prompts=given.prompts, others=given.others,
        )
    )  # fmt: skip
    if given.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        for name, value in summary(rows).items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
