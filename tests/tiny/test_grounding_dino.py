"""The training code of the tiny GroundingDINO, and the folder it made."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers.models.grounding_dino import modeling_grounding_dino as library

import alref_local
from alref_local.world import ObjectSpec, make_scene
from grounding_dino_captions import MEANT_MOVING, MOVING, RIVAL, Shot, draw_caption, split, wanted_scores
from grounding_dino_data import collate, make_batch, take_shot
from grounding_dino_eval import THRESHOLD, TOP, detect, judge, load
from grounding_dino_forward import deformable_attention, forward
from grounding_dino_loss import set_loss
from grounding_dino_model import build_model, vocabulary

FOLDER = Path(alref_local.__file__).parent / "tiny" / "grounding_dino"
OBJECTS = (
    ObjectSpec("dog", "red", "small", "left"),
    ObjectSpec("dog", "blue", "large", "still"),
    ObjectSpec("car", "red", "large", "right"),
)
pytestmark = pytest.mark.filterwarnings("ignore:You'd better set embed_dim")


@pytest.fixture(scope="module")
def shot() -> Shot:
    return _shot()


@cache
def _shot() -> Shot:
    return take_shot(make_scene("ladder", 5), 14)


@pytest.mark.parametrize(
    ("text", "meant", "scores"),
    [
        ("the dog", (0, 1), {0: {"dog": 1}, 1: {"dog": 1}}),
        ("the red dog", (0,), {0: {"red": 1, "dog": 1}, 1: {"dog": RIVAL}}),
        ("the big dog", (1,), {0: {"dog": RIVAL}, 1: {"big": 1, "dog": 1}}),
        ("the dog on the left", (0,), {0: {"dog": 1}, 1: {"dog": RIVAL}}),
        ("the dog left of the red car", (0,), {0: {"dog": 1}, 1: {"dog": RIVAL}}),
        ("the dog moving to the left", (0,), {0: {"dog": MEANT_MOVING}, 1: {"dog": MOVING}}),
        ("all red objects", (0, 2), {0: {"red": 1, "objects": 1}, 2: {"red": 1, "objects": 1}}),
        ("the two dogs", (0, 1), {0: {"dogs": 1}, 1: {"dogs": 1}}),
        ("the cat", (), {}),
        ("zebra", (), {}),
    ],
)
def test_wanted_scores(text: str, meant: tuple[int, ...], scores: dict[int, dict[str, float]]) -> None:
    """Training would teach the detector to box landmarks, or to lose the look-alikes a person means."""
    words = split(text)
    expected = np.zeros((len(OBJECTS), len(words)), np.float32)
    for index, row in scores.items():
        for word, value in row.items():
            expected[index, words.index(word)] = value
    np.testing.assert_array_equal(wanted_scores(words, meant, OBJECTS), expected)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_captions(seed: int) -> None:
    """A caption without its full stop, or with unknown words, trains nothing."""
    shot = _shot()
    words, scores = draw_caption(shot, np.random.default_rng(seed))
    assert words[-1] == "."
    assert set(words) <= set(vocabulary())
    assert scores.shape == (len(shot.objects), len(words))
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_mirror(shot: Shot) -> None:
    """Mirrored pictures would teach that left is right."""
    twin = shot.mirrored()
    for (text, _, _), (other, _, _) in zip(shot.said, twin.said, strict=True):
        assert other == text.replace("left", "*").replace("right", "left").replace("*", "right")
    np.testing.assert_array_equal(twin.pixels, shot.pixels[..., ::-1])
    np.testing.assert_allclose(twin.mirrored().boxes, shot.boxes, atol=1e-6)
    np.testing.assert_allclose(twin.boxes[:, 0], 1 - shot.boxes[:, 2])


def test_fast_attention_equals_the_library() -> None:
    """Weights trained with the fast attention would mean something else to the library's."""
    torch.manual_seed(0)
    shapes = [(12, 16), (6, 8), (3, 4)]
    sizes, starts = torch.tensor(shapes), torch.tensor([0, 192, 240])
    value = torch.randn(2, 252, 4, 24, requires_grad=True)
    places = (torch.rand(2, 30, 4, 3, 4, 2) * 1.6 - 0.3).requires_grad_()
    weights = torch.rand(2, 30, 4, 3, 4, requires_grad=True)
    plain = library.MultiScaleDeformableAttention()(value, sizes, shapes, starts, places, weights, 64)
    fast = deformable_attention(None, value, sizes, shapes, starts, places, weights, 64)
    torch.testing.assert_close(fast, plain, atol=1e-5, rtol=1e-5)
    ways = [torch.autograd.grad(out.square().sum(), (value, places, weights)) for out in (plain, fast)]
    for one, other in zip(*ways, strict=True):
        torch.testing.assert_close(other, one, atol=1e-2, rtol=1e-3)


@pytest.mark.parametrize("size", [(240, 320), (320, 240)])
def test_training_pass_equals_the_library(size: tuple[int, int]) -> None:
    """A model trained in another pass than it is used in finds nothing."""
    scene = make_scene("ladder", 5, size=size)
    batch = make_batch([take_shot(scene, 3), take_shot(scene, 14)], 2, np.random.default_rng(0))
    model = build_model().eval()
    with torch.no_grad():
        mine = forward(model, batch.pixels, batch.ids, batch.mask)
        pixels = batch.pixels.repeat_interleave(2, 0)
        theirs = model(pixel_values=pixels, input_ids=batch.ids, attention_mask=batch.mask.long())
    tokens = batch.mask[:, None].expand(-1, 30, -1)
    logits = theirs.logits[..., : batch.ids.shape[1]]
    torch.testing.assert_close(mine.logits[-1][tokens], logits[tokens], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mine.boxes[-1], theirs.pred_boxes, atol=1e-5, rtol=1e-4)


def test_loss_reaches_every_part(shot: Shot) -> None:
    """Proposals without a gradient never learn where objects are (the library's own loss has that fault)."""
    model = build_model()
    batch = make_batch([shot], 3, np.random.default_rng(0))
    loss = set_loss(forward(model, batch.pixels, batch.ids, batch.mask), batch.truth, batch.mask)
    loss.backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None]
    assert all(".swin.layernorm." in n for n in dead)  # the library's backbone does not use it
    proposals = (model.model.enc_output, model.model.encoder_output_bbox_embed.layers[-1])
    assert all(float(part.weight.grad.abs().sum()) > 0 for part in proposals)


def test_loss_of_an_empty_caption(shot: Shot) -> None:
    """One caption about an absent object would end the training."""
    words = ["the", "zebra", "."]
    empty = np.zeros((len(shot.objects), len(words)), np.float32)
    batch = collate([shot], [(shot, words, empty)])
    loss = set_loss(forward(build_model(), batch.pixels, batch.ids, batch.mask), batch.truth, batch.mask)
    assert torch.isfinite(loss)


def test_shot_is_what_the_saved_processor_makes(shot: Shot) -> None:
    """Pictures prepared otherwise than in training are seen less well."""
    pixels = load(FOLDER).processor(
        images=Image.fromarray(make_scene("ladder", 5).frame(14)), return_tensors="pt"
    )
    words = ["dog", "."]
    batch = collate([shot], [(shot, words, np.zeros((len(shot.objects), 2), np.float32))])
    torch.testing.assert_close(pixels["pixel_values"], batch.pixels)


def test_folder_is_small_and_its_tokenizer_fits() -> None:
    """The package grows, or its words mean others than in training."""
    assert (FOLDER / "model.safetensors").stat().st_size <= 6_000_000
    assert load(FOLDER).tokenizer.get_vocab() == vocabulary()


def test_folder_finds_what_sentences_mean() -> None:
    """The demo would box the wrong things: most referents are among the first three candidates."""
    detector = load(FOLDER)
    rows = []
    for seed in range(800_500, 800_504):
        scene = make_scene("ladder", seed)
        said = [s for s in scene.sentences if s.good_frames][:6]
        for sentence in said:
            t = sentence.good_frames[-1]
            found = detect(detector, scene.frame(t), [sentence.text])[0]
            assert (found.scores > THRESHOLD).all()
            rows.append(judge(scene, t, "ladder", sentence, found))
    assert sum(0 <= r.rank < TOP for r in rows) >= 0.8 * len(rows)
