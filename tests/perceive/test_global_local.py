"""Global-Local CLIP: what is looked at, what is read, what is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.perceive.global_local import GlobalLocal, noun_phrase
from alref_local.perceive.proposals import MaskProposals
from alref_local.seams import Grounder
from tests.perceive.clip_kit import write_clip

RNG = np.random.default_rng(5)
FRAME = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)


class Given(MaskProposals):
    """Proposals that a test chooses; counts how often they are asked for."""

    def __init__(self, *masks: Any) -> None:
        self.given, self.asked = np.array(masks, np.bool_).reshape(-1, 64, 64), 0

    def masks(self, image: Any) -> Any:
        self.asked += 1
        return self.given


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP with first weights."""
    return write_clip(tmp_path_factory.mktemp("clip"))


def block(x0: int, y0: int, x1: int, y1: int) -> Any:
    """A mask."""
    mask = np.zeros((64, 64), np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask


def expected(folder: Path, picture: Any, cut_out: Any, text: str, phrase: str) -> float:
    """The score of one mask, by the library's own way through CLIP."""
    model = CLIPModel.from_pretrained(folder).eval()
    processor, tokenizer = (
        CLIPImageProcessorPil.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )

    def look(image: Any) -> torch.Tensor:
        pixels = processor(images=image, do_resize=False, do_center_crop=False, return_tensors="pt")
        return torch.as_tensor(model.get_image_features(**pixels).pooler_output[0])

    def read(words: str) -> torch.Tensor:
        return torch.as_tensor(
            model.get_text_features(**tokenizer(words, return_tensors="pt")).pooler_output[0]
        )

    with torch.inference_mode():
        seen = 0.95 * look(picture) + 0.05 * look(cut_out)
        return float(torch.cosine_similarity(seen, (read(text) + read(phrase)) / 2, dim=0))


def test_a_mask_of_everything_is_clip_itself(folder: Path) -> None:
    """The baseline would be another method than Global-Local CLIP, and its row of the table a false one."""
    grounder = GlobalLocal(model=str(folder), proposals=Given(np.ones((64, 64))))
    assert isinstance(grounder, Grounder)
    ((found,),) = grounder.propose([FRAME], ["The red dog  that runs"])
    assert tuple(found.box) == (0, 0, 64, 64)
    score = expected(folder, FRAME, FRAME, "the red dog that runs", "the red dog")
    assert found.score == pytest.approx((1 + score) / 2, abs=1e-5)


def test_what_is_outside_of_a_mask_fades(folder: Path) -> None:
    """All masks of a frame would look alike: the surroundings would decide."""
    left, right = block(0, 0, 32, 64), block(32, 0, 64, 64)
    frame = np.concatenate([FRAME[:, :32], np.zeros((64, 32, 3), np.uint8)], axis=1)
    grounder = GlobalLocal(model=str(folder), proposals=Given(left, right))
    (both,) = grounder.propose([frame], ["red ball"])
    assert {tuple(one.box) for one in both} == {(0, 0, 32, 64), (32, 0, 64, 64)}
    assert both[0].score - both[1].score > 1e-4
    assert [one.score for one in both] == sorted((one.score for one in both), reverse=True)


def test_a_frame_is_looked_at_once(folder: Path) -> None:
    """Ten sentences about a frame would cost ten times a thousand points."""
    given = Given(block(0, 0, 9, 9), block(20, 20, 40, 40), block(5, 30, 20, 60), block(50, 50, 60, 60))
    grounder = GlobalLocal(model=str(folder), proposals=given)
    first, second = grounder.propose([FRAME, FRAME], ["the red dog", "big blue ball"])
    assert given.asked == 1
    assert len(first) == len(second) == 3
    assert grounder.with_thresholds(0.9, 0.9).propose([FRAME], ["the red dog"]) == [first]
    grounder.propose([FRAME[::-1].copy()], ["the red dog"])
    assert given.asked == 2


def test_nothing_is_proposed(folder: Path) -> None:
    """An empty frame would end the run."""
    assert GlobalLocal(model=str(folder), proposals=Given()).propose([FRAME], ["dog"]) == [[]]


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    """GroundingDINO's folder would be loaded as CLIP with random numbers."""
    with pytest.raises(ConfigError, match="'clip' is needed"):
        GlobalLocal(model="tiny:grounding_dino", proposals=Given())
    with pytest.raises(PrerequisiteError):
        GlobalLocal(model=str(tmp_path / "nowhere"), proposals=Given())


@pytest.mark.parametrize(
    ("sentence", "phrase"),
    [
        ("the dog", "the dog"),
        ("the big dog that runs on the left", "the big dog"),
        ("a man in a red shirt", "a man"),
        ("red car parked by the wall", "red car parked"),
        ("person riding a horse", "person"),
        ("the two cats, one of them white", "the two cats"),
        ("the king of the hill", "the king"),
        ("a woman with long hair is dancing", "a woman"),
        ("running", "running"),
        ("", ""),
    ],
)
def test_noun_phrases(sentence: str, phrase: str) -> None:
    """The thing that is meant would be mixed up with what it is told by."""
    assert noun_phrase(sentence) == phrase
