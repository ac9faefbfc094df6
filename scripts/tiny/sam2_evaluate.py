"""How well a SAM 2 checkpoint follows the drawn world's objects, through transformers' public session.

`python scripts/tiny/sam2_evaluate.py FOLDER --preset ladder --clips 20 --seed 800000`: every clip's target is
prompted with its true box on a good frame and followed both ways. J is measured at the clip's own size.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from transformers import Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from alref_local.world import Scene, make_scene
from sam2_data import normalise, resize

TOUCH = 3
"""Pixels: an object with another one this near is called touching."""


def follow_boxes(
    model: Sam2VideoModel, frames: NDArray[np.uint8], prompted: int, boxes: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Masks bool (T, n, H, W) of the objects whose `boxes` (n, 4), xyxy pixels, are given on frame `prompted`."""
    count, height, width, _ = frames.shape
    size = int(model.prompt_encoder.mask_input_size[0]) * 4
    session = Sam2VideoInferenceSession(
        video=normalise(resize(frames, size)),
        video_height=height,
        video_width=width,
        inference_device="cpu",
        inference_state_device="cpu",
        video_storage_device="cpu",
        dtype=torch.float32,
    )
    scale = torch.tensor([size / width, size / height])
    for number, box in enumerate(boxes):
        index = session.obj_id_to_idx(number)
        corners = torch.from_numpy(box).view(1, 1, 2, 2) * scale
        labels = torch.tensor([[[2, 3]]], dtype=torch.int32)
        session.add_point_inputs(index, prompted, {"point_coords": corners, "point_labels": labels})
        session.obj_with_new_inputs = [*session.obj_with_new_inputs, number]
    model(session, frame_idx=prompted)
    masks = np.zeros((count, len(boxes), height, width), bool)
    for reverse in (False, True):
        for out in model.propagate_in_video_iterator(session, start_frame_idx=prompted, reverse=reverse):
            logits = F.interpolate(out.pred_masks, (height, width), mode="bilinear", align_corners=False)[
                :, 0
            ]
            present = out.object_score_logits[:, 0] > 0
            masks[out.frame_idx] = ((logits > 0) & present[:, None, None]).numpy()
    return masks


def judge_clip(model: Sam2VideoModel, scene: Scene) -> dict[str, list[float]]:
    """Measured values of one clip by kind; a frame on which nothing of the object is seen counts as `empty` only."""
    target = scene.target
    prompted = target.good_frames[len(target.good_frames) // 2]
    referents = list(target.referents)
    frames = np.stack([scene.frame(t) for t in range(scene.length)])
    masks = follow_boxes(model, frames, prompted, scene.boxes(prompted)[referents])
    found: dict[str, list[float]] = defaultdict(list)
    for t in range(scene.length):
        truth = scene.masks(t)
        for got, k in zip(masks[t], referents, strict=True):
            wanted = truth[k]
            if not wanted.any():
                found["empty"].append(float(not got.any()))
                continue
            overlap = float((got & wanted).sum() / (got | wanted).sum())
            others = np.any(np.delete(truth, k, axis=0), axis=0)
            found["J"].append(overlap)
            way = "prompted" if t == prompted else "forward" if t > prompted else "backward"
            found[f"J {way}"].append(overlap)
            found["J touching" if _touches(wanted, others) else "J apart"].append(overlap)
            found["kept"].append(float(got.any()))
    return found


def _touches(mask: NDArray[np.bool_], others: NDArray[np.bool_]) -> bool:
    near = F.max_pool2d(torch.from_numpy(others).float()[None, None], 2 * TOUCH + 1, 1, TOUCH)[0, 0] > 0
    return bool((near.numpy() & mask).any())


def judge(model: Sam2VideoModel, preset: str, seeds: range) -> dict[str, float]:
    """Means over all frames of the clips of `seeds`; `J per clip` is the mean of the clips' means."""
    found: dict[str, list[float]] = defaultdict(list)
    for seed in seeds:
        clip = judge_clip(model, make_scene(preset, seed))
        for kind, values in clip.items():
            found[kind] += values
        found["J per clip"].append(float(np.mean(clip["J"])))
    return {kind: round(float(np.mean(values)), 4) for kind, values in sorted(found.items())} | {
        "absent frames": float(len(found["empty"])),
        "touching frames": float(len(found["J touching"])),
    }


def main() -> None:
    """Print the figures of one preset as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="ladder")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=800_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = Sam2VideoModel.from_pretrained(options.folder, dtype=torch.float32)
    seeds = range(options.seed, options.seed + options.clips)
    print(
        json.dumps(
            {
                "preset": options.preset,
                "seeds": [seeds.start, seeds.stop],
                **judge(model, options.preset, seeds),
            }
        )
    )


if __name__ == "__main__":
    main()
