"""The training code of the tiny SAM 2, and the folder it made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

import alref_local
from alref_local.world import make_scene
from sam2_data import CLIP, Pool, cut, draw_clip
from sam2_evaluate import judge_clip
from sam2_loss import judge
from sam2_model import CAUTION, IMAGE_SIZE, SCORE_BIAS, export, make_model
from sam2_step import NO_OBJECT, Prediction, Prompt, encode, track

FOLDER = Path(alref_local.__file__).parent / "tiny" / "sam2"
FRAMES = 5
BOXES = torch.tensor([[30.0, 40.0, 90.0, 120.0], [100.0, 100.0, 180.0, 200.0]])


@pytest.fixture(scope="module")
def model() -> Sam2VideoModel:
    """Random weights; the object score is raised, so that masks are compared and not only emptiness."""
    model = make_model(seed=1).requires_grad_(False)
    model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(2.0)
    model.train(False)
    return model


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.randn(FRAMES, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(0))


def drawn_box(box: Tensor) -> Tensor:
    x0, y0, x1, y1 = box.int().tolist()
    mask = torch.zeros(1, 1, IMAGE_SIZE, IMAGE_SIZE)
    mask[..., y0:y1, x0:x1] = 1
    return mask


def followed_by_library(
    model: Sam2VideoModel, pixels: Tensor, prompted: list[int], kind: str
) -> list[Tensor]:
    """Mask logits (B, S/4, S/4) of all frames through the public session."""
    session = Sam2VideoInferenceSession(
        video=pixels, video_height=IMAGE_SIZE, video_width=IMAGE_SIZE, inference_device="cpu",
        inference_state_device="cpu", video_storage_device="cpu", dtype=torch.float32,
    )  # fmt: skip
    for frame in prompted:
        for number, box in enumerate(BOXES):
            index = session.obj_id_to_idx(number)
            if kind == "mask":
                session.add_mask_inputs(index, frame, drawn_box(box))
            else:
                labels = torch.tensor([[[2, 3]]], dtype=torch.int32)
                corners = box.view(1, 1, 2, 2)
                session.add_point_inputs(index, frame, {"point_coords": corners, "point_labels": labels})
            session.obj_with_new_inputs = [*session.obj_with_new_inputs, number]
        model(session, frame_idx=frame)
    start = prompted[len(prompted) // 2]
    logits: dict[int, Tensor] = {}
    for reverse in (False, True):
        for out in model.propagate_in_video_iterator(session, start_frame_idx=start, reverse=reverse):
            logits[out.frame_idx] = out.pred_masks[:, 0].clone()
    return [logits[frame] for frame in range(len(pixels))]


@pytest.mark.parametrize(("prompted", "kind"), [([2], "box"), ([1, 3], "box"), ([2], "mask")])
def test_step_equals_the_session(
    model: Sam2VideoModel, pixels: Tensor, prompted: list[int], kind: str
) -> None:
    """The model would be trained on other numbers than those a person's video meets."""
    labels = torch.tensor([2, 3], dtype=torch.int32).expand(len(BOXES), 2)
    prompt = Prompt(BOXES.view(-1, 2, 2), labels)
    if kind == "mask":
        prompt = Prompt(None, None, torch.cat([drawn_box(box) for box in BOXES]))
    frames = encode(model, pixels, torch.zeros(FRAMES, 2, dtype=torch.long))
    owner = torch.zeros(len(BOXES), dtype=torch.long)
    ours = track(model, frames, owner, FRAMES, dict.fromkeys(prompted, prompt), FRAMES)
    theirs = followed_by_library(model, pixels, prompted, kind)
    for frame, (got, wanted) in enumerate(zip(ours, theirs, strict=True)):
        if kind == "mask" and frame in prompted:
            continue  # the session hands the given mask back
        logits = torch.where(got.score[:, None, None] > 0, got.logits, NO_OBJECT)
        torch.testing.assert_close(logits, wanted, atol=5e-3, rtol=0)


def test_windows_keep_their_place(model: Sam2VideoModel, pixels: Tensor) -> None:
    """What is learned on cheap windows would be lost on whole frames: positions would not agree."""
    whole = encode(model, pixels[:1], torch.zeros(1, 2, dtype=torch.long))
    window = encode(model, pixels[:1, :, 64:192, 128:256], torch.tensor([[128, 64]]))
    torch.testing.assert_close(window.place, whole.place[:, :, 4:12, 8:16])
    torch.testing.assert_close(window.sine, whole.sine[:, :, 4:12, 8:16])
    # windows of the first stage fall on the same tokens, away from the patches at the cut edges
    torch.testing.assert_close(
        window.fine[:, :, 8:24, 8:24], whole.fine[:, :, 24:40, 40:56], atol=1e-4, rtol=0
    )


def test_batches_show_what_they_say(tmp_path: Path) -> None:
    """The trainer would be taught boxes that do not hold their objects."""
    pool = Pool(tmp_path, 6)
    for slot in range(6):
        draw_clip(pool, slot, np.random.default_rng(slot))
    pool.drawn[0] = 6
    batch = cut(pool, np.random.default_rng(0), clips=4, length=4, prompted=[1], side=128, vanishing=0.5)
    assert batch.pixels.shape == (16, 3, 128, 128)
    assert CLIP >= 4
    for k, clip in enumerate(batch.owner.tolist()):
        corner = batch.corners[clip * 4]
        x0, y0, x1, y1 = ((batch.boxes[k, 0] - corner.repeat(2)) / 2).tolist()
        mask = batch.masks[k, 1]
        rows, columns = torch.nonzero(mask > 0.5, as_tuple=True)
        assert len(rows) > 20
        assert x0 - 1 <= columns.min()
        assert columns.max() <= x1 + 1
        assert y0 - 1 <= rows.min()
        assert rows.max() <= y1 + 1


def test_loss_prefers_the_truth() -> None:
    """Training would pull towards wrong masks, or towards objects that are not there."""
    truth = torch.zeros(1, 2, 32, 32)
    truth[0, 0, 8:20, 8:20] = 1
    right = F.avg_pool2d(truth, 2) * 12 - 6

    def loss(shown: Tensor, scores: tuple[float, float]) -> float:
        predictions = [
            Prediction(shown[:, t], torch.tensor([score]), torch.tensor([0.5]))
            for t, score in enumerate(scores)
        ]
        return float(judge(predictions, truth, presence_weight=1.0).total)

    best = loss(right, (4.0, -4.0))
    assert best < loss(right.roll(4, -1), (4.0, -4.0))
    assert best < loss(right, (4.0, 4.0))
    assert best < loss(right, (-4.0, -4.0))


def test_export_is_read_back_in_float32(tmp_path: Path, model: Sam2VideoModel) -> None:
    """The shipped folder would not load, or would compute in half precision on a CPU."""
    export(model, tmp_path)
    again = Sam2VideoModel.from_pretrained(tmp_path)
    assert again.dtype == torch.float32
    for name, tensor in model.state_dict().items():
        if name == SCORE_BIAS:
            tensor = tensor - CAUTION
        torch.testing.assert_close(again.state_dict()[name], tensor, atol=2e-3, rtol=1e-3)
    assert (tmp_path / "model.safetensors").stat().st_size < 5_000_000


def test_shipped_checkpoint_follows_an_object() -> None:
    """`--config tiny` would lose drawn objects, or paint them where they are hidden."""
    model = Sam2VideoModel.from_pretrained(FOLDER, dtype=torch.float32)
    assert np.mean(judge_clip(model, make_scene("easy", 800_001))["J"]) > 0.7
    assert np.mean(judge_clip(model, make_scene("ladder", 800_004))["empty"]) > 0.7
