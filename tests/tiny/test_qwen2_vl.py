"""The training code of the tiny Qwen2-VL: sheets like the product's, true answers, the library's pass."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration, Qwen2VLImageProcessorPil

from alref_local.reason.grammar import MARKER
from alref_local.reason.parse import parse
from alref_local.reason.prompts import list_prompts, load_prompts
from alref_local.reason.question import AnswerSpec
from alref_local.world import PRESETS, ObjectSpec, make_scene
from alref_local.world.labels import SOUND_LABELS
from qwen2_vl_data import SIDE, Asked, Sheet, candidates_of, draw_clip, sheets
from qwen2_vl_forward import look, read
from qwen2_vl_loss import CellHeads, losses
from qwen2_vl_model import MOST_PANELS, begin_from, build_config, build_model, save_folder
from qwen2_vl_pack import collate, pack
from qwen2_vl_reply import View, box_reply, sound_reply, way
from qwen2_vl_symbols import symbol_sheet
from qwen2_vl_tokens import build_tokenizer, encode, prompt_ids
from qwen2_vl_truth import LABELS, cell_counts, cell_labels, invent_absent, spots
from qwen2_vl_words import draw_tags, draw_wording, wordings


@cache
def _sheets(panels: int, questions: int = 4) -> tuple[Sheet, ...]:
    """A frame sheet and box sheets of one scene."""
    rng = np.random.default_rng(panels)
    return tuple(sheets(make_scene("ladder", 5), panels, questions, rng))


def _every_sheet() -> list[Sheet]:
    return [sheet for panels in range(1, 7) for sheet in _sheets(panels)]


@pytest.mark.parametrize("panels", [1, 3, 6])
def test_training_pass_equals_the_library(panels: int) -> None:
    """A model trained in another pass than it is used in answers nonsense."""
    torch.manual_seed(0)
    model = build_model().eval()
    sheet = _sheets(panels)[-1]
    batch = collate([sheet])
    packed = pack(sheet)
    processor = Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 10**6})
    image = processor(images=sheet.pixels, return_tensors="pt")
    with torch.no_grad():
        mine = model.lm_head(read(model, batch, look(model, batch.pixels)).hidden[0])
        for number in range(1, packed.branch.max() + 1):
            places = np.flatnonzero((packed.branch == 0) | (packed.branch == number))
            ids = torch.from_numpy(packed.ids[places])[None]
            kinds = (ids == model.config.image_token_id).int()
            theirs = model(input_ids=ids, mm_token_type_ids=kinds, **image).logits[0]
            torch.testing.assert_close(mine[places], theirs, atol=2e-5, rtol=1e-4)


def test_packed_questions_are_whole() -> None:
    """Cut or mixed-up prompts would train answers to questions nobody asks."""
    for sheet in _every_sheet():
        packed = pack(sheet)
        cells = sheet.labels[0].size
        for number in range(1, packed.branch.max() + 1):
            asked = sheet.asked[number - 1]
            ids = packed.ids[(packed.branch == 0) | (packed.branch == number)].tolist()
            prompt = prompt_ids(asked.text, cells)
            assert ids[: len(prompt)] == prompt
            assert build_tokenizer().decode(ids[len(prompt) :]) == _said(asked)


def test_targets_are_the_next_tokens() -> None:
    """A reply learned one token late is never given."""
    packed = pack(_sheets(6)[0])
    assert (packed.weight > 0).sum() > 20
    for at in np.flatnonzero(packed.kind >= 0):
        assert packed.target[at] == packed.ids[at + 1]


def test_pieces_end_where_tokens_end() -> None:
    """The model would learn tokens that it never meets when it reads its own words."""
    for asked in (a for sheet in _every_sheet() for a in sheet.asked):
        assert encode(_said(asked)) == tuple(token for p in asked.reply for token in encode(p.text))


def test_taught_replies_are_valid() -> None:
    """The product would throw the model's answers away."""
    for asked in (a for sheet in _every_sheet() for a in sheet.asked):
        ids = AnswerSpec(tuple(str(n) for n in range(1, 7)), max_items=6, none_allowed=True)
        names = AnswerSpec(tuple(SOUND_LABELS), "names", max_items=12, none_allowed=True)
        spec = names if any(p.kind == "name" for p in asked.reply) else ids
        listed = tuple(p.text for p in asked.reply if p.text.isalnum() and p.kind in ("id", "name", "frame"))
        if listed:
            assert parse(_said(asked).removesuffix("<|im_end|>"), spec) == listed


def test_frame_answers_are_good_frames() -> None:
    """The model would learn to point at frames that hide the referent."""
    scene = make_scene("ladder", 5)
    said = {s.text: s for s in scene.sentences}
    for panels in range(2, 7):
        rng = np.random.default_rng(panels)
        frames = draw_clip(scene.length, panels, rng).frames
        for asked in (a for a in _sheets(panels)[0].asked if a.frames is not None):
            text = next((t for t in said if t.removeprefix("the ") in asked.text), None)
            good = set(said[text].good_frames) if text else set()
            assert asked.frames is not None
            right = {frames[i] for i in np.flatnonzero(asked.frames)}
            assert not good & set(frames) or right <= good
            (answer,) = (int(p.text) for p in asked.reply if p.kind == "frame")
            assert asked.frames[answer - 1] > 0


def test_box_answers_lie_on_their_objects() -> None:
    """The model would learn to name the wrong box."""
    scene = make_scene("plural", 7)
    frame = scene.length // 2
    candidates, inside = candidates_of(scene, frame, np.random.default_rng(1), jitter=0.02)
    masks = scene.masks(frame)
    assert candidates
    for candidate, i in zip(candidates, inside, strict=True):
        x0, y0, x1, y1 = (round(edge) for edge in candidate.box)
        assert i is None or masks[i, y0:y1, x0:x1].sum() >= 0.9 * masks[i].sum()


def test_listed_boxes_are_described_as_the_referents() -> None:
    """The model would learn to look at one thing and to name another."""
    scene = make_scene("ladder", 5)
    known = {s.text.removeprefix("the "): s.referents for s in scene.sentences}
    seen = 0
    for asked in (a for sheet in _every_sheet() for a in sheet.asked):
        text = asked.text.partition("Reference: ")[2].strip('"').rstrip(".").removeprefix("the ")
        said = _said(asked)
        if text not in known or "ANSWER: []" in said or not any(p.kind == "id" for p in asked.reply):
            continue
        seen += 1
        boxes = {m[1]: m[2] for m in re.finditer(r"(\d) (\w+ \w+ \w+)", said.partition(".\n")[0])}
        listed = {boxes[p.text] for p in asked.reply if p.kind == "id" and p.text.isdigit()}
        things = [scene.objects[i] for i in known[text]]
        assert listed <= {f"{o.class_name} {o.colour} {o.size_name}" for o in things}
    assert seen > 5


def test_motion_is_told_panel_by_panel() -> None:
    """Without the places on other panels nothing tells what moves."""
    scene = make_scene("ladder", 5)
    frames = (0, scene.length // 2, scene.length - 1)
    view = View(scene, frames, cell_counts(scene, frames))
    still = [p.text for p in box_reply(view, "the boat on the left", 1, [0], [1]) if p.kind == "place"]
    moving = [p.text for p in box_reply(view, "the boat moving up", 1, [0], [1]) if p.kind == "place"]
    assert len(still) < len(moving)
    assert all(p.look is None for p in box_reply(view, "the boat moving up", 1, [0], [1]) if p.text == " no")


def test_a_box_fits_where_all_that_the_sentence_says_is_true_of_it() -> None:
    """Of two boats the model would take either: the list would not follow from what it wrote down."""
    scene, checked = make_scene("ladder", 5), 0
    frames = (0, scene.length // 2, scene.length - 1)
    view = View(scene, frames, cell_counts(scene, frames))
    inside = [i for i, share in enumerate(scene.visible(frames[1])) if share >= 0.3]
    for said in (s for s in scene.sentences if s.kind in ("place", "motion", "relation")):
        ids = [n for n, i in enumerate(inside, 1) if i in said.referents]
        verdicts = [p.text for p in box_reply(view, said.text, 1, inside, ids) if p.kind == "verdict"]
        assert [n for n, word in enumerate(verdicts, 1) if word == " fits"] == ids
        checked += len(ids) < sum(scene.objects[i].class_name in said.text for i in inside)
    assert checked


def test_the_way_is_told_where_a_sentence_speaks_of_it() -> None:
    """Nothing between the places of a thing and the verdict would say which way it went."""
    still = ObjectSpec("boat", "red", "small", "still")
    curved = ObjectSpec("boat", "red", "small", "curved")
    assert way("the boat that stays still", still, None).text == " still"
    assert way("the boat moving up", curved, None).text == " moving"
    assert way("the boat that enters from the left", still, "left").text == " left"
    assert way("the boat that enters from the left", still, None).text == " there"


def test_sounds_are_of_things_that_are_heard_and_seen() -> None:
    """The model would learn to name what is off screen, or silent."""
    scene, rng = make_scene("ladder", 5), np.random.default_rng(0)
    frames = (0, scene.length // 2)
    view = View(scene, frames, cell_counts(scene, frames))
    seen = sorted({o.class_name for o in scene.objects})
    for _ in range(50):
        tags, heard = draw_tags([c for c in seen if c in SOUND_LABELS], ["bell"], rng)
        assert 1 <= len(tags) <= 5
        assert all(set(tags) & set(SOUND_LABELS[name]) for name in heard)
        listed = [p.text for p in sound_reply(view, heard, seen) if p.kind == "name" and p.text.isalpha()]
        assert listed == [name for name in heard if name in seen]


@pytest.mark.parametrize("preset", ["ladder", "plural", "easy"])
def test_invented_sentences_fit_nothing(preset: str) -> None:
    """The model would learn to deny what is there."""
    rng = np.random.default_rng(0)
    for seed in range(20):
        scene = make_scene(preset, seed)
        true = {s.text for s in scene.sentences if s.referents}
        said = invent_absent(scene, rng).text
        words = said.replace("the two ", "the ").split()
        assert said not in true
        classes = {o.class_name for o in scene.objects} & {words[-1].rstrip("s"), words[1], *words[1:3]}
        named = [o for o in scene.objects if o.class_name in classes]
        assert all(not {o.colour, o.size_name} >= set(words[1:2]) for o in named)


def test_cells_hold_what_their_labels_say() -> None:
    """Vision would be taught the wrong names, and everything after it."""
    scene = make_scene("ladder", 5)
    frames = (0, scene.length // 2, scene.length - 1)
    counts = cell_counts(scene, frames)
    assert counts.sum() == sum(scene.masks(t).sum() for t in frames)
    labels = cell_labels(scene, frames, counts, {(1, 0): 3})
    assert labels.shape == (len(LABELS), 4, 15)
    assert (labels[list(LABELS).index("panel")] == np.repeat([1, 2, 3], 5)).all()
    numbers = labels[list(LABELS).index("box")]
    assert set(numbers[:, 5:10].ravel()) <= {0, 3}
    assert not numbers[:, :5].any()
    for i in range(len(scene.objects)):
        assert spots(counts, (i,)).any() == (counts[i].max() >= 40)
    assert all(labels[k].max() < n for k, n in enumerate(LABELS.values()))


def test_wordings_name_the_reference_and_the_marker() -> None:
    """A wording without them trains the model to guess."""
    for prompts in wordings():
        for step in ("pivot_frame", "pivot_box"):
            text = prompts.render(step, count=5, reference="the old boat", frame=2, boxes=("green", "pink"))
            assert "the old boat" in text
            assert MARKER in text


def test_words_are_single_tokens() -> None:
    """Split words take longer to learn and longer to say."""
    tokenizer = build_tokenizer()
    for word in ("guitar", "dogs", "purple", "small", "left", "none", "Reference", "ANSWER"):
        assert len(tokenizer.encode(f" {word}", add_special_tokens=False)) == 1


def test_every_prompt_set_survives_the_tokenizer() -> None:
    """A prompt set that the tokenizer cannot write would ask something else."""
    tokenizer = build_tokenizer()
    for name in list_prompts():
        prompts = load_prompts(name)
        for step in set(prompts.templates) & {"pivot_frame", "pivot_box"}:
            text = prompts.render(step, count=6, reference="the café's ☂", frame=2, boxes=("green", "pink"))
            assert tokenizer.decode(tokenizer.encode(text)) == text


def test_loss_reaches_every_part() -> None:
    """A part without a gradient stays as random as it began."""
    model, heads = build_model(), CellHeads(160)
    parts, _ = losses(model, heads, collate([_sheets(6)[-1]]))
    (parts.reply + parts.pointer + parts.cells).backward()
    dead = [n for n, p in (*model.named_parameters(), *heads.named_parameters()) if p.grad is None]
    assert dead == []


def test_sheets_have_the_shown_sizes() -> None:
    """Strips of other sizes than the processor's would be seen at another scale."""
    for sheet in _every_sheet():
        height, width, _ = sheet.pixels.shape
        assert height == SIDE[0]
        assert width % SIDE[1] == 0
        assert width <= MOST_PANELS * SIDE[1]


def test_main_wording_is_drawn_most() -> None:
    """The product's own wording would be learned least."""
    rng = np.random.default_rng(0)
    drawn = [draw_wording(rng).name for _ in range(300)]
    assert drawn.count("tiny") > 150
    assert len(set(drawn)) == len(wordings())


def test_presets_are_known() -> None:
    """A misspelt preset ends the training when it is first drawn."""
    from qwen2_vl_data import _PRESETS

    assert set(_PRESETS) <= set(PRESETS)
    assert sum(_PRESETS.values()) == pytest.approx(1)


def test_told_choices_follow_from_what_is_told() -> None:
    """The model would learn to choose against its own words."""
    rng, seen = np.random.default_rng(0), 0
    for asked in (a for _ in range(60) for a in symbol_sheet(4, 3, rng).asked):
        said = _said(asked)
        listed = [int(p.text) for p in asked.reply if p.kind in ("id", "frame") and p.text.isdigit()]
        boxes = re.findall(r"(?:^|, )(\d)[^,]*? (fits|not)", said.partition(".\n")[0])
        if boxes:
            seen += 1
            fitting = {int(number) for number, fits in boxes if fits == "fits"}
            assert set(listed) <= fitting
            assert (
                listed
                or len(fitting) != 1
                or re.search(r"ing|left|right|above|below| at |enters|stays", asked.text)
            )
        elif asked.frames is not None:
            states = said.partition(": ")[2].partition(".\n")[0].split()
            assert states[listed[0] - 1] == "whole"
            assert "whole" not in states[listed[0] :]
    assert seen > 50


def test_borrowed_pictures_teach_only_the_reply() -> None:
    """Vision would be taught that there is nothing in a picture that has been taken from elsewhere."""
    model, heads = build_model(), CellHeads(160)
    _, image = losses(model, heads, collate([_sheets(4)[0]]))
    parts, _ = losses(model, heads, collate([symbol_sheet(4, 3, np.random.default_rng(0))]), image)
    parts.reply.backward()
    assert not parts.cells
    assert all(p.grad is None for p in (*model.model.visual.parameters(), *heads.parameters()))


def test_larger_model_begins_as_the_smaller_one(tmp_path: Path) -> None:
    """What a first run has learned would be lost."""
    torch.manual_seed(0)
    save_folder(build_model(build_config((128, 1), (160, 3))), tmp_path)
    smaller = Qwen2VLForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32).eval()
    larger = build_model(build_config((128, 2), (160, 4))).eval()
    begin_from(larger, tmp_path)
    batch = collate([_sheets(3)[0]])
    with torch.no_grad():
        want, have = (m.lm_head(read(m, batch, look(m, batch.pixels)).hidden) for m in (smaller, larger))
    torch.testing.assert_close(have, want, atol=1e-4, rtol=1e-4)


def _said(asked: Asked) -> str:
    return "".join(piece.text for piece in asked.reply)
