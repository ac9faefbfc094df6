"""Mask tracks by the original ``sam2`` package, from the same checkpoint folders: a second engine, and an oracle.

``segmentation.engine: alref_local.perceive.sam2_package:Sam2Package`` in a config selects it. The package is the extra
``sam2``; it brings torchvision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from transformers import Sam2VideoModel

from alref_local.errors import PrerequisiteError
from alref_local.models.resolve import resolve
from alref_local.perceive.conditioning import assume_present, image_mode
from alref_local.perceive.device import torch_device
from alref_local.perceive.loading import load_model
from alref_local.perceive.memory import age
from alref_local.perceive.pixels import to_model
from alref_local.perceive.prompts import TrackPrompts, by_track
from alref_local.perceive.propagation import Frames, Seen, Session, propagate
from alref_local.perceive.sam2_modules import original_predictor
from alref_local.seams import VideoReader
from alref_local.types import FrameMasks, Prompt

__all__ = ["Sam2Package"]


class Sam2Package:
    """A ``Segmentor``: ``SAM2VideoPredictor`` steps each object alone, and encodes a frame at each visit.

    It differs from ``Sam2`` in two points. The memory of a mask prompt is made from the mask at a quarter of its
    size; and with ``max_conditioning``, object pointers come from the chosen conditioning frames alone.

    Args:
        model: as for ``Sam2``, and all others as well.
        compile: the package's own compiled predictor (``vos_optimized``).
        dtype: in another precision than float32 by autocast, as the original's examples do.

    Raises:
        PrerequisiteError: the package, the checkpoint or the device is not there.
        ConfigError: the checkpoint is not SAM 2 video, or the original has no such architecture.
    """

    def __init__(
        self,
        *,
        model: str,
        prompt: Literal["box", "mask"] = "box",
        resize: Literal["bilinear", "bicubic"] = "bicubic",
        max_conditioning: int | None = None,
        object_score: bool = True,
        compile: bool = False,
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        device: str = "cpu",
    ) -> None:
        try:
            import sam2.sam2_video_predictor  # noqa: F401
        except ImportError as error:
            raise PrerequisiteError(
                f"The original sam2 package cannot be used: {error}.",
                hint="Install it with `pip install 'alref-local[sam2]'`, or leave segmentation.engine out.",
            ) from error
        self._prompt, self._resize, self._device = prompt, resize, torch_device(device)
        self._dtype = getattr(torch, dtype)
        loaded = load_model(Sam2VideoModel, resolve(model), model_type="sam2_video", device=self._device)
        if max_conditioning is not None:
            loaded.config.max_cond_frame_num = max_conditioning
        self._predictor = original_predictor(loaded, optimized=compile)
        if not object_score:
            self._predictor.sam_mask_decoder.register_forward_hook(assume_present)

    def track(self, video: VideoReader, prompts: Sequence[Prompt]) -> Iterator[FrameMasks]:
        """Propagate every track from its start forward to the end, then backward to frame 0.

        Raises:
            ConfigError: a prompt does not fit the video.
        """
        tracks = by_track(prompts, len(video), video.size)
        return propagate(self.session(len(video), video.size, tracks), video, tracks) if tracks else iter(())

    def session(self, length: int, size: tuple[int, int], tracks: Sequence[TrackPrompts]) -> Session:
        """A video of ``length`` frames of ``size`` (height, width) inside this model."""
        kind: dict[str, Any] = {"device_type": self._device.type, "dtype": self._dtype}
        return _PackageSession(
            self._predictor,
            length,
            size,
            {track.track_id: track.start for track in tracks},
            resize=self._resize,
            box_as_mask=self._prompt == "mask",
            precision=torch.autocast(**kind, enabled=self._dtype != torch.float32),
        )


class _PackageSession:
    """A ``Session`` over the predictor's own state, of which no more is kept than a later step reads."""

    def __init__(
        self,
        predictor: Any,
        length: int,
        size: tuple[int, int],
        starts: dict[int, int],
        *,
        resize: Literal["bilinear", "bicubic"],
        box_as_mask: bool,
        precision: torch.autocast,
    ) -> None:
        self._predictor, self._starts, self._length, self._size = predictor, starts, length, size
        self._resize, self._box_as_mask, self._precision = resize, box_as_mask, precision
        self._state = self._new_state()

    def see(self, frames: Frames) -> None:
        """Take frames in hand; the predictor encodes a frame when it steps onto it."""
        side = int(self._predictor.image_size)
        how: dict[str, Any] = {
            "resize": self._resize,
            "device": self._predictor.device,
            "dtype": torch.float32,
        }
        self._state["images"] = {index: to_model(image, side, **how) for index, image in frames}

    def prompt(self, prompt: Prompt) -> None:
        """Add a prompt, and remember its outcome at once, while its frame is in hand."""
        as_mask = self._box_as_mask and prompt.box is not None
        mask = self._mask_in_box(prompt) if as_mask else prompt.mask
        with self._precision:
            self._add(self._state, prompt, mask)
            self._predictor.propagate_in_video_preflight(self._state)

    def step(self, frame: int, track_ids: Sequence[int], *, reverse: bool) -> list[Seen]:
        """The masks of tracks on a frame, one after the other."""
        return [self._step(frame, track_id, reverse=reverse) for track_id in track_ids]

    def leave(self, frame: int, visits: int) -> None:
        """Nothing is kept: the predictor remembers the features of the last frame alone."""

    def _step(self, frame: int, track_id: int, *, reverse: bool) -> Seen:
        state, place = self._state, self._state["obj_id_to_idx"][track_id]
        outputs = state["output_dict_per_obj"][place]
        if (found := outputs["cond_frame_outputs"].get(frame)) is None:
            with torch.inference_mode(), self._precision:
                found, _ = self._predictor._run_single_frame_inference(
                    inference_state=state,
                    output_dict=outputs,
                    frame_idx=frame,
                    batch_size=1,
                    is_init_cond_frame=False,
                    point_inputs=None,
                    mask_inputs=None,
                    reverse=reverse,
                    run_mem_encoder=True,
                )
            passed, predictor = outputs["non_cond_frame_outputs"], self._predictor
            passed[frame] = found
            longest = max(predictor.num_maskmem, predictor.max_obj_ptrs_in_encoder) - 1
            for old in list(passed):
                if age(old, frame, self._starts[track_id], reverse=reverse) >= longest:
                    del passed[old]
        logits = found["pred_masks"][0, 0].float().cpu().numpy()
        return Seen(logits, float(found["object_score_logits"].flatten()[0]))

    def _add(self, state: dict[str, Any], prompt: Prompt, mask: NDArray[Any] | None) -> torch.Tensor:
        """``(1, 1, H, W)`` logits at video size."""
        where = {"inference_state": state, "frame_idx": prompt.frame, "obj_id": prompt.track_id}
        if mask is not None:
            logits = self._predictor.add_new_mask(**where, mask=torch.from_numpy(mask))[2]
        else:
            given = {"box": prompt.box, "points": prompt.points, "labels": prompt.labels}
            logits = self._predictor.add_new_points_or_box(**where, **given)[2]
        return torch.as_tensor(logits)

    def _mask_in_box(self, prompt: Prompt) -> NDArray[Any]:
        """``(H, W)`` bool: what the box holds, as the image predictor sees it."""
        aside = self._new_state() | {key: self._state[key] for key in ("images", "cached_features")}
        with image_mode(self._predictor.sam_mask_decoder), self._precision:
            mask: NDArray[Any] = (self._add(aside, prompt, None)[0, 0] > 0).cpu().numpy()
        return mask

    def _new_state(self) -> dict[str, Any]:
        """What ``init_state`` of the predictor makes, without reading a whole video."""
        device = self._predictor.device
        stores = ("point_inputs", "mask_inputs", "output_dict", "temp_output_dict", "frames_tracked")
        return {
            "images": {},
            "num_frames": self._length,
            "video_height": self._size[0],
            "video_width": self._size[1],
            "device": device,
            "storage_device": device,
            "cached_features": {},
            "constants": {},
            "obj_id_to_idx": {},
            "obj_idx_to_id": {},
            "obj_ids": [],
            **{f"{store}_per_obj": {} for store in stores},
        }
