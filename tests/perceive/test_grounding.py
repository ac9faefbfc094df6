"""Candidate boxes from GroundingDINO."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, GroundingDinoImageProcessorPil, GroundingDinoProcessor

from alref_local.perceive.grounding import GroundingDino, caption_of
from alref_local.seams import Grounder
from tests.perceive.perceive_kit import noise_video

FRAMES = noise_video(3, (40, 60)).array
TEXTS = ["the red dog", "a cat left of the ball", "the blue ball"]


@pytest.fixture(scope="module")
def grounder(dino_folder: Path) -> GroundingDino:
    return GroundingDino(model=str(dino_folder), box_threshold=0.3, max_candidates=9)


def test_is_a_grounder(grounder: GroundingDino) -> None:
    """The engine could not use it."""
    assert isinstance(grounder, Grounder)


@pytest.mark.parametrize("text", TEXTS)
def test_equals_transformers_own_post_processing(
    grounder: GroundingDino, dino_folder: Path, text: str
) -> None:
    """Boxes or scores would differ from GroundingDINO's own."""
    processor = GroundingDinoProcessor(
        GroundingDinoImageProcessorPil.from_pretrained(dino_folder),
        AutoTokenizer.from_pretrained(dino_folder),
    )
    inputs = processor(images=FRAMES[0], text=caption_of(text), return_tensors="pt")
    with torch.inference_mode():
        outputs = grounder._model(**inputs)
    (expected,) = processor.post_process_grounded_object_detection(
        outputs, threshold=0.3, text_threshold=0.2, target_sizes=[(40, 60)]
    )
    order = expected["scores"].argsort(descending=True, stable=True)
    boxes = expected["boxes"][order].clamp(torch.zeros(4), torch.tensor([60.0, 40, 60, 40]))
    visible = ((boxes[:, 2:] - boxes[:, :2]) >= 1).all(1)
    (found,) = grounder.propose([FRAMES[0]], [text])
    assert 0 < len(found) < 9
    np.testing.assert_allclose([one.score for one in found], expected["scores"][order][visible], atol=1e-6)
    np.testing.assert_allclose([one.box for one in found], boxes[visible], atol=1e-3)


def test_pairs_do_not_depend_on_company(grounder: GroundingDino) -> None:
    """A resumed run would give other bytes than an uninterrupted one."""
    together = grounder.propose([*FRAMES, FRAMES[0]], [*TEXTS, TEXTS[2]])
    alone = [grounder.propose([frame], [text])[0] for frame, text in zip(FRAMES, TEXTS, strict=True)]
    assert together[:3] == alone
    assert together[3] != together[0]


def test_one_pass_for_a_frame_and_for_a_text(dino_folder: Path) -> None:
    """Ten sentences about five frames would cost fifty passes of the vision backbone, and fifty of BERT."""
    grounder = GroundingDino(model=str(dino_folder))
    seen: list[object] = []
    read: list[object] = []
    grounder._model.model.backbone.conv_encoder.register_forward_hook(lambda *_: seen.append(1))
    grounder._model.model.text_backbone.encoder.register_forward_hook(lambda *_: read.append(1))
    grounder.propose([FRAMES[0]] * 3, TEXTS)
    grounder.with_thresholds(0.01, 0.1).propose([FRAMES[0].copy()], TEXTS[:1])
    assert (len(seen), len(read)) == (1, 3)
    grounder.propose([FRAMES[1], FRAMES[0], FRAMES[1]], TEXTS)
    assert (len(seen), len(read)) == (2, 3)


def test_few_frames_are_remembered(dino_folder: Path) -> None:
    """Features of every pivot frame of a long video would fill the memory."""
    grounder = GroundingDino(model=str(dino_folder))
    features: list[weakref.ref[torch.Tensor]] = []
    grounder._model.model.backbone.conv_encoder.register_forward_hook(
        lambda _, __, found: features.append(weakref.ref(found[-1][0]))
    )
    for frame in noise_video(7).array:
        grounder.propose([frame], TEXTS[:1])
    gc.collect()
    assert [held() is not None for held in features] == [False] * 3 + [True] * 4


def test_thresholds(grounder: GroundingDino) -> None:
    """Rescue with its low threshold would find no more than the usual one, or load the model again."""
    low, high = grounder.with_thresholds(0.01, 0.1), grounder.with_thresholds(0.99, 0.1)
    assert low._model is grounder._model
    counts = [len(one.propose([FRAMES[0]], ["the dog"])[0]) for one in (low, grounder, high)]
    assert counts[0] > counts[1] > counts[2]
    assert grounder.box_threshold == 0.3


def test_text_threshold_changes_no_box(grounder: GroundingDino) -> None:
    """The setting means words of a phrase, as in the original: using it on boxes would lose some."""
    pair = [FRAMES[0]], ["the red dog"]
    assert grounder.with_thresholds(0.3, 0.0).propose(*pair) == grounder.with_thresholds(0.3, 1.0).propose(
        *pair
    )


def test_limit(dino_folder: Path) -> None:
    """More boxes would be painted than the config allows."""
    grounder = GroundingDino(model=str(dino_folder), box_threshold=0.0, max_candidates=2)
    assert len(grounder.propose([FRAMES[0]], ["the dog"])[0]) == 2


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("The Red Dog", "the red dog."),
        ("  a cat.\n", "a cat."),
        ("is it a cat?", "is it a cat?."),
        ("", "."),
        ("ÉLAN.", "élan."),
    ],
)
def test_caption(text: str, caption: str) -> None:
    """GroundingDINO would read upper case, or words that cannot attend to each other."""
    assert caption_of(text) == caption


@pytest.mark.parametrize("text", ["dog " * 2500, "", "?", "....", "日本語の犬", "dog\x00dog"])
def test_odd_texts(grounder: GroundingDino, text: str) -> None:
    """A very long or strange sentence would crash the run."""
    (found,) = grounder.with_thresholds(0.0, 0.0).propose([FRAMES[0]], [text])
    assert len(found) <= 9


def test_long_text_is_cut_and_stopped(grounder: GroundingDino) -> None:
    """A long sentence would lose its full stop, without which its words do not see each other."""
    ids = grounder._tokens("the red dog " * 40)[0].tolist()
    assert len(ids) == 32
    assert (ids[0], ids[-2], ids[-1]) == (101, 1012, 102)
    assert grounder._tokens("the red dog")[0].tolist()[-2:] == [1012, 102]


def test_uneven_batch(grounder: GroundingDino) -> None:
    """A text without an image would be dropped in silence."""
    with pytest.raises(ValueError, match="longer"):
        grounder.propose([FRAMES[0]], TEXTS)


@pytest.mark.parametrize("size", [(3, 50), (50, 3), (2, 2), (1, 1)])
def test_odd_sizes(grounder: GroundingDino, size: tuple[int, int]) -> None:
    """A sliver of a video, or one whose height looks like a channel count, would crash the run."""
    frame = np.zeros((*size, 3), dtype=np.uint8)
    (found,) = grounder.with_thresholds(0.0, 0.0).propose([frame], ["dog"])
    assert all(one.box.x1 <= size[1] and one.box.y1 <= size[0] for one in found)
