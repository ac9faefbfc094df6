"""Mask tracks from SAM 2: what is computed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate
from transformers import Sam2Model

from alref_local.errors import ConfigError
from alref_local.perceive.pixels import to_model
from alref_local.perceive.segmentation import Sam2
from alref_local.seams import Segmentor
from alref_local.types import Box, FrameMasks, Prompt
from plain import PlainSam2
from tests.perceive.perceive_kit import SIDE, noise_video

BOX, OTHER = Box(5, 5, 40, 30), Box(20, 3, 55, 38)
VIDEO = noise_video(16)
Tracks = dict[tuple[int, int], tuple[NDArray[np.float16], float]]


def by_pair(frames: Sequence[FrameMasks]) -> Tracks:
    """Logits and score of each (frame, track), which must come once."""
    pairs: Tracks = {}
    for one in frames:
        for track, logits, score in zip(one.track_ids, one.logits, one.object_score, strict=True):
            assert (one.frame, track) not in pairs
            pairs[one.frame, track] = logits, float(score)
    return pairs


@lru_cache
def loaded(folder: Path, **settings: Any) -> Sam2:
    return Sam2(model=str(folder), **settings)


def run(folder: Path, prompts: Sequence[Prompt], **settings: Any) -> Tracks:
    return by_pair(list(loaded(folder, **settings).track(VIDEO, prompts)))


def plain(folder: Path, prompts: Sequence[Prompt], **settings: Any) -> Tracks:
    """Through transformers' own session and propagation, every frame and memory kept."""
    return by_pair(list(PlainSam2(model=str(folder), **settings).track(VIDEO, prompts)))


def assert_equal(ours: Tracks, theirs: Tracks) -> None:
    assert ours.keys() == theirs.keys()
    for pair, (logits, score) in theirs.items():
        np.testing.assert_array_equal(ours[pair][0], logits, err_msg=str(pair))
        assert ours[pair][1] == score


def assert_close(ours: Tracks, theirs: Tracks) -> None:
    """Equal but for rounding, of which float16 is the coarsest."""
    assert ours.keys() == theirs.keys()
    for pair, (logits, score) in theirs.items():
        np.testing.assert_allclose(ours[pair][0], logits, rtol=2e-3, atol=1e-3, err_msg=str(pair))
        assert ours[pair][1] == pytest.approx(score, abs=1e-4)


MASK = np.zeros((40, 60), dtype=np.bool_)
MASK[10:30, 15:50] = True
CLICKS = np.array([[20, 20], [50, 10]], dtype=np.float32)
CASES: dict[str, list[Prompt]] = {
    "box in the middle": [Prompt(0, 7, box=BOX)],
    "box on the first frame": [Prompt(0, 0, box=BOX)],
    "box on the last frame": [Prompt(0, 15, box=BOX)],
    "mask": [Prompt(0, 6, mask=MASK)],
    "one click": [Prompt(0, 6, points=CLICKS[:1], labels=np.array([1], dtype=np.int32))],
    "two clicks": [Prompt(0, 6, points=CLICKS, labels=np.array([1, 0], dtype=np.int32))],
    "three pivots, start in the middle": [
        Prompt(0, 2, box=BOX),
        Prompt(0, 8, box=OTHER, start=True),
        Prompt(0, 13, box=BOX),
    ],
    "mask and box": [Prompt(0, 11, mask=MASK), Prompt(0, 4, box=BOX)],
}


@pytest.mark.parametrize("prompts", CASES.values(), ids=CASES.keys())
def test_equals_a_session_that_forgets_nothing(sam2_folder: Path, prompts: list[Prompt]) -> None:
    """Freeing memory would change masks, or masks would differ from transformers' own."""
    ours = run(sam2_folder, prompts)
    assert {frame for frame, _ in ours} == set(range(16))
    assert_equal(ours, plain(sam2_folder, prompts))


def test_the_test_model_forgets_and_doubts(sam2_folder: Path) -> None:
    """The equality tests would prove nothing: scores of one sign, or frames that look alike to the model."""
    ours = run(sam2_folder, [Prompt(0, 7, box=BOX)])
    scores = [score for _, score in ours.values()]
    assert min(scores) < 0 < max(scores)
    other = run(sam2_folder, [Prompt(0, 7, box=OTHER)])
    visible = [pair for pair, (_, score) in ours.items() if score > 0 and other[pair][1] > 0]
    assert len(visible) > 3
    assert all((ours[pair][0] != other[pair][0]).any() for pair in visible)


def test_few_of_many_conditioning_frames(sam2_folder: Path) -> None:
    """max_conditioning would be ignored, or pick other frames than SAM 2 does."""
    prompts = [Prompt(0, frame, box=BOX if frame % 2 else OTHER) for frame in (1, 5, 6, 9, 14)]
    limited = run(sam2_folder, prompts, max_conditioning=2)
    assert_equal(limited, plain(sam2_folder, prompts, max_conditioning=2))
    everything = run(sam2_folder, prompts)
    assert any((limited[pair][0] != everything[pair][0]).any() for pair in limited)


def test_max_conditioning_of_one(sam2_folder: Path) -> None:
    """SAM 2's choice of nearest frames goes wrong in silence below two."""
    with pytest.raises(ConfigError, match="at least 2"):
        Sam2(model=str(sam2_folder), max_conditioning=1)


COMPANY: dict[str, tuple[list[Prompt], dict[str, Any]]] = {
    "five tracks from one frame": (
        [Prompt(track, 5, box=Box(5, 5, 24 + 6 * track, 30)) for track in range(5)],
        {},
    ),
    "late starts": (
        [Prompt(track, 2 + 4 * track, box=BOX if track % 2 else OTHER) for track in range(4)],
        {},
    ),
    "memories of several sizes": (
        [
            *(Prompt(3, frame, box=BOX) for frame in (4, 10, 12)),
            *(Prompt(8, frame, box=OTHER, start=frame == 9) for frame in (4, 9, 10)),
            Prompt(1, 4, mask=MASK),
            Prompt(2, 4, points=CLICKS[:1], labels=np.array([1], dtype=np.int32)),
            Prompt(7, 15, box=BOX),
        ],
        {},
    ),
    "few of many conditioning frames": (
        [
            Prompt(track, frame, box=BOX if (track + frame) % 2 else OTHER, start=frame == 5 + track)
            for track in range(3)
            for frame in (1, 5 + track, 9, 14)
        ],
        {"max_conditioning": 2},
    ),
    "object taken to be there": (
        [Prompt(0, 3, box=BOX), Prompt(1, 3, box=OTHER), Prompt(1, 8, box=OTHER), Prompt(2, 6, box=BOX)],
        {"object_score": False},
    ),
    "boxes as masks": (
        [Prompt(0, 3, box=BOX), Prompt(1, 3, box=OTHER), Prompt(2, 9, box=BOX)],
        {"prompt": "mask"},
    ),
}


@pytest.mark.parametrize(("prompts", "settings"), COMPANY.values(), ids=COMPANY.keys())
def test_tracks_do_not_depend_on_each_other(
    sam2_folder: Path, prompts: list[Prompt], settings: dict[str, Any]
) -> None:
    """A second sentence would change the first one's masks by more than rounding."""
    together = run(sam2_folder, prompts, **settings)
    alone: Tracks = {}
    for track in {prompt.track_id for prompt in prompts}:
        alone |= run(sam2_folder, [one for one in prompts if one.track_id == track], **settings)
    assert_close(together, alone)


@pytest.mark.parametrize("case", ["five tracks from one frame", "memories of several sizes"])
def test_together_as_in_a_session_that_forgets_nothing(sam2_folder: Path, case: str) -> None:
    """Tracks that are stepped together would differ from transformers' own."""
    prompts, _ = COMPANY[case]
    assert_close(run(sam2_folder, prompts), plain(sam2_folder, prompts))


@pytest.mark.parametrize(
    ("starts", "steps"), [([3] * 20, [16, 4]), ([2, 9], [2])], ids=["many at once", "late start"]
)
def test_tracks_are_stepped_together(sam2_folder: Path, starts: list[int], steps: list[int]) -> None:
    """Ten sentences would cost ten passes of the memory path, or so many tracks would not fit into memory."""
    segmentor = Sam2(model=str(sam2_folder))
    sizes: list[int] = []
    prompts = [Prompt(track, start, box=BOX) for track, start in enumerate(starts)]
    frames = segmentor.track(VIDEO, prompts)
    segmentor._model.mask_decoder.register_forward_hook(lambda _, __, output: sizes.append(len(output[0])))
    for one in frames:
        if one.frame == 15:  # late enough for all memories to be full
            assert sizes == steps
        sizes.clear()


def test_order_of_frames(sam2_folder: Path) -> None:
    """A live preview would jump about; the consumer relies on forward first, then backward."""
    prompts = [Prompt(0, 9, box=BOX), Prompt(1, 12, box=BOX)]
    seen = [(one.frame, one.track_ids) for one in loaded(sam2_folder).track(VIDEO, prompts)]
    forward = [(f, (0,)) for f in range(9, 12)] + [(f, (0, 1)) for f in range(12, 16)]
    backward = [(f, (1,)) for f in (11, 10, 9)] + [(f, (0, 1)) for f in range(8, -1, -1)]
    assert seen == forward + backward


def test_same_bytes_again(sam2_folder: Path) -> None:
    """The same run would give other masks the second time."""
    segmentor = loaded(sam2_folder)
    prompts = [Prompt(0, 5, box=BOX), Prompt(1, 9, box=OTHER)]
    first, second = (list(segmentor.track(VIDEO, prompts)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.logits.tobytes() == other.logits.tobytes()
        assert one.object_score.tobytes() == other.object_score.tobytes()


def test_shapes_and_types(sam2_folder: Path) -> None:
    """Consumers would misread the logits."""
    segmentor = loaded(sam2_folder)
    assert isinstance(segmentor, Segmentor)
    one = next(iter(segmentor.track(VIDEO, [Prompt(0, 5, box=BOX), Prompt(4, 5, box=OTHER)])))
    assert (one.frame, one.track_ids) == (5, (0, 4))
    assert one.logits.shape == (2, SIDE // 4, SIDE // 4)
    assert one.logits.dtype == np.dtype("float16")
    assert one.object_score.shape == (2,)
    assert one.object_score.dtype == np.dtype("float32")
    assert not torch.is_inference_mode_enabled()


def test_no_prompts(sam2_folder: Path) -> None:
    """A video with no target would crash."""
    assert list(loaded(sam2_folder).track(VIDEO, [])) == []


def test_prompts_are_checked_at_once(sam2_folder: Path) -> None:
    """A pivot beyond the end would be noticed only after other work was done."""
    with pytest.raises(ConfigError, match="frames 0 to 15"):
        loaded(sam2_folder).track(VIDEO, [Prompt(0, 16, box=BOX)])


def test_box_turned_into_a_mask(sam2_folder: Path) -> None:
    """prompt=mask would not be what the released code does: image predictor, one mask, then a mask prompt."""
    image_model = Sam2Model.from_pretrained(sam2_folder).eval()
    image_model.mask_decoder.dynamic_multimask_via_stability = False
    prompts = [Prompt(0, 4, box=BOX), Prompt(0, 10, box=OTHER)]
    masks = []
    for prompt in prompts:
        pixels = to_model(VIDEO.array[prompt.frame], SIDE, "bicubic", torch.device("cpu"), torch.float32)
        assert prompt.box is not None
        box = torch.tensor(prompt.box) * torch.tensor([SIDE / 60, SIDE / 40] * 2)
        with torch.inference_mode():
            found = image_model(
                pixel_values=pixels[None], input_boxes=box[None, None], multimask_output=False
            )
        whole = interpolate(found.pred_masks[0], (40, 60), mode="bilinear")[0, 0]
        masks.append(Prompt(0, prompt.frame, mask=(whole > 0).numpy()))
    assert all(prompt.mask is not None and prompt.mask.any() for prompt in masks)
    assert_equal(run(sam2_folder, prompts, prompt="mask"), run(sam2_folder, masks))
    boxes = run(sam2_folder, prompts)
    assert any((boxes[pair][0] != logits).any() for pair, (logits, _) in run(sam2_folder, masks).items())


def test_without_object_score(sam2_folder: Path) -> None:
    """Switching the object score off would still empty the frames on which the model doubts."""
    doubting = run(sam2_folder, [Prompt(0, 7, box=BOX)])
    sure = run(sam2_folder, [Prompt(0, 7, box=BOX)], object_score=False)
    assert any(logits.max() <= -1000 for logits, _ in doubting.values())
    assert all(logits.max() > -1000 and score > 0 for logits, score in sure.values())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(sam2_folder: Path, dtype: str) -> None:
    """Half precision would crash, or give something else than the same masks less precisely."""
    prompts = [Prompt(0, 3, box=BOX), Prompt(0, 0, mask=MASK)]
    whole, half = run(sam2_folder, prompts), run(sam2_folder, prompts, dtype=dtype)
    assert all(np.isfinite(logits).all() for logits, _ in half.values())
    agreement = np.mean((whole[3, 0][0] > 0) == (half[3, 0][0] > 0))
    assert agreement > 0.9


def test_resize_matters(sam2_folder: Path) -> None:
    """The resize setting would be ignored."""
    prompts = [Prompt(0, 3, box=BOX)]
    bicubic, bilinear = run(sam2_folder, prompts), run(sam2_folder, prompts, resize="bilinear")
    assert (bicubic[3, 0][0] != bilinear[3, 0][0]).any()
