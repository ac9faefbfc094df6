"""Record what the original ``sam2`` package gives, for ``test_sam2_package.py``.

    python -m tests.perceive.record_sam2

The package must be importable; its masks come from the calls that its own examples make. Memories are kept in float32
for once: two computations round some of their numbers to different bfloat16.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from hydra import compose
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sam2 import sam2_video_predictor

from alref_local.perceive.pixels import to_model
from alref_local.perceive.sam2_modules import original_predictor
from alref_local.types import Prompt
from tests.perceive.perceive_kit import SIDE, noise_video
from tests.perceive.sam2_kit import CASES, LENGTH, RECORDED, SIZE, folded, named_model

CONFIGS = (
    "sam2.1/sam2.1_hiera_t",
    "sam2.1/sam2.1_hiera_s",
    "sam2.1/sam2.1_hiera_b+",
    "sam2.1/sam2.1_hiera_l",
)


def names(config: str) -> dict[str, dict[str, str]]:
    """The tensors of one of the package's own configs."""
    tree = compose(config_name=f"configs/{config}.yaml")
    OmegaConf.resolve(tree)
    model = instantiate(tree.model, _recursive_=True)
    return folded({name: tuple(at.shape) for name, at in model.state_dict().items()})


def masks(predictor: Any, frames: Any, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """Logits ``(frames, h, w)`` and object scores of each track, by the package's public calls."""
    pixels = torch.stack(
        [to_model(frame, SIDE, "bicubic", torch.device("cpu"), torch.float32) for frame in frames]
    )
    with patch.object(sam2_video_predictor, "load_video_frames", return_value=(pixels, *SIZE)):
        state = predictor.init_state("")
    for one in prompts:
        where = {"inference_state": state, "frame_idx": one.frame, "obj_id": one.track_id}
        predictor.add_new_points_or_box(**where, box=one.box, points=one.points, labels=one.labels)
    start = next((one.frame for one in prompts if one.start), min(one.frame for one in prompts))
    for reverse in (False, True):
        for _ in predictor.propagate_in_video(state, start_frame_idx=start, reverse=reverse):
            pass
    held = {}
    for track, outputs in state["output_dict_per_obj"].items():
        found = outputs["non_cond_frame_outputs"] | outputs["cond_frame_outputs"]
        held[f"{track} logits"] = torch.stack(
            [found[at]["pred_masks"][0, 0] for at in range(len(frames))]
        ).numpy()
        held[f"{track} score"] = np.array(
            [float(found[at]["object_score_logits"]) for at in range(len(frames))]
        )
    return held


def record() -> None:
    """Write ``sam2_names.json`` and ``sam2.npz``."""
    held: dict[str, Any] = {"frames": noise_video(LENGTH, SIZE).array}
    for version in ("2.1", "2.0"):
        newer = version == "2.1"
        model = named_model(
            enable_temporal_pos_encoding_for_object_pointers=newer, enable_occlusion_spatial_embedding=newer
        )
        predictor = original_predictor(model, optimized=False)
        for case, prompts in CASES.items():
            with patch.object(torch, "bfloat16", torch.float32):
                found = masks(predictor, held["frames"], prompts)
            for key, value in found.items():
                held[f"{version} {case} {key}"] = value.astype(np.float32)
    np.savez_compressed(RECORDED / "sam2.npz", **held)
    found = {config: names(config) for config in (*CONFIGS, "sam2/sam2_hiera_l")}
    (RECORDED / "sam2_names.json").write_text(
        json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    record()
