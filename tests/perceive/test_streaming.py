"""Mask tracks from SAM 2: what it costs in encoder passes and memory."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from alref_local.perceive.segmentation import Sam2
from alref_local.types import Box, Image, Prompt
from tests.perceive.perceive_kit import ArrayVideo, noise_video

BOX = Box(5, 5, 40, 30)


def encoder_passes(folder: Path, length: int, prompts: Sequence[Prompt], **settings: Any) -> Counter[int]:
    """How often each frame goes through the vision encoder, at most as many together as ``ahead`` allows."""
    # Every pixel of frame i is i, so that the encoder's input tells which frame it is.
    video = ArrayVideo(
        np.broadcast_to(np.arange(length, dtype=np.uint8)[:, None, None, None], (length, 20, 30, 3)).copy()
    )
    segmentor = Sam2(model=str(folder), **settings)
    passes: Counter[int] = Counter()

    def count(_: object, inputs: tuple[torch.Tensor, ...], __: object) -> None:
        assert len(inputs[0]) <= settings.get("ahead", 1)
        passes.update(round((one[0].mean().item() * 0.229 + 0.485) * 255) for one in inputs[0])

    segmentor._model.vision_encoder.register_forward_hook(count)
    for _ in segmentor.track(video, prompts):
        pass
    assert set(passes) == set(range(length))
    return passes


@pytest.mark.parametrize("prompt", ["box", "mask"])
def test_one_track_encodes_each_frame_once(sam2_folder: Path, prompt: str) -> None:
    """Pivots of one object would cost extra encoder passes."""
    prompts = [Prompt(0, frame, box=BOX, start=frame == 9) for frame in (1, 4, 9, 14, 18)]
    assert max(encoder_passes(sam2_folder, 20, prompts, prompt=prompt).values()) == 1


def test_tracks_that_start_together_share_each_pass(sam2_folder: Path) -> None:
    """Ten sentences would cost ten times the encoder passes of one."""
    prompts = [Prompt(track, 7, box=BOX) for track in range(3)]
    assert max(encoder_passes(sam2_folder, 20, prompts).values()) == 1


def test_pivots_of_some_tracks_are_remembered(sam2_folder: Path) -> None:
    """A pivot of one object would be encoded again when the other objects come by."""
    prompts = [Prompt(0, 10, box=BOX), Prompt(1, 10, box=BOX, start=True)]
    prompts += [Prompt(1, 3, box=BOX), Prompt(1, 17, box=BOX)]
    assert max(encoder_passes(sam2_folder, 20, prompts).values()) == 1


@pytest.mark.parametrize("pivots", [(), range(6, 27)], ids=["few pivots", "many pivots"])
def test_different_starts_cost_at_most_twice(sam2_folder: Path, pivots: Sequence[int]) -> None:
    """Objects with different starts would be tracked in separate passes over the whole video, and pivots cost more."""
    prompts = [Prompt(0, 4, box=BOX), Prompt(1, 28, box=BOX), Prompt(2, 15, box=BOX, start=True)]
    prompts += [Prompt(2, frame, box=BOX) for frame in pivots if frame != 15]
    passes = encoder_passes(sam2_folder, 32, prompts)
    assert max(passes.values()) == 2
    assert {frame for frame, times in passes.items() if times == 2} <= set(range(4, 29))


def test_many_pivots_of_many_tracks(sam2_folder: Path) -> None:
    """Remembered pivots would crowd out the frame in hand, and every object would encode it anew."""
    prompts = [
        Prompt(track, frame, box=BOX, start=frame == 11)
        for track in range(2)
        for frame in {11, *range(track, 22, 2)}
    ]
    passes = encoder_passes(sam2_folder, 22, prompts)
    assert max(passes.values()) == 2
    assert passes[11] == 1


@pytest.mark.parametrize("ahead", [3, 50])
def test_frames_encoded_together(sam2_folder: Path, ahead: int) -> None:
    """A GPU that encodes several frames at once would encode some of them twice, or give other masks."""
    prompts = [Prompt(0, 7, box=BOX), Prompt(0, 13, box=BOX), Prompt(1, 7, box=BOX)]
    assert max(encoder_passes(sam2_folder, 20, prompts, ahead=ahead).values()) == 1
    video = noise_video(20)
    one_by_one, together = (
        list(Sam2(model=str(sam2_folder), ahead=number).track(video, prompts)) for number in (1, ahead)
    )
    for one, other in zip(one_by_one, together, strict=True):
        assert (one.frame, one.track_ids) == (other.frame, other.track_ids)
        np.testing.assert_allclose(one.logits, other.logits, rtol=1e-3, atol=2e-4)


class CountingVideo(ArrayVideo):
    """Notes how many frames are asked for at once."""

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        super().__init__(frames)
        self.most_at_once = 0

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        self.most_at_once = max(self.most_at_once, len(indices))
        return super().frames(indices)


def _tensor_bytes() -> int:
    """Bytes of all tensors alive."""
    gc.collect()
    found = [one for one in gc.get_objects() if type(one) is torch.Tensor]
    return sum({one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in found}.values())


def _growth(folder: Path, length: int, tracks: int) -> list[int]:
    """Tensor bytes above the start, while the last frames of both directions are in hand."""
    video = CountingVideo(noise_video(length, (20, 30)).array)
    segmentor = Sam2(model=str(folder))
    middle = length // 2
    prompts = [Prompt(track, middle + track % 3, box=BOX) for track in range(tracks)]
    prompts.append(Prompt(0, middle + 3, box=BOX))
    before = _tensor_bytes()
    grown = [
        _tensor_bytes() - before
        for one in segmentor.track(video, prompts)
        if one.frame in (middle + 8, length - 1, middle - 8, 0)
    ]
    assert video.most_at_once == 1
    return grown


@pytest.mark.parametrize("tracks", [1, 8])
def test_state_does_not_grow_with_the_video(sam2_folder: Path, tracks: int) -> None:
    """A long video would fill the memory."""
    short, long = _growth(sam2_folder, 20, tracks), _growth(sam2_folder, 32, tracks)
    assert len(short) == len(long) == 4
    assert max(short) > 0
    assert long == short


def test_nothing_stays_after_the_video(sam2_folder: Path) -> None:
    """Memory would grow from video to video in a long evaluation."""
    segmentor = Sam2(model=str(sam2_folder))
    left = []
    for seed in range(3):
        for _ in segmentor.track(noise_video(6, (20, 30), seed), [Prompt(0, 3, box=BOX)]):
            pass
        left.append(_tensor_bytes())
    assert left[1] == left[2]


class NoReadAhead(ArrayVideo):
    """Fails when a frame is read before the one before it is done."""

    allowed = 0

    def stream(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[int, Image]]:
        for index, frame in super().stream(start, stop, reverse=reverse):
            assert index <= self.allowed
            yield index, frame


def test_frames_are_read_as_they_are_needed(sam2_folder: Path) -> None:
    """A live preview would wait for the whole video to be decoded."""
    video = NoReadAhead(noise_video(8, (20, 30)).array)
    for one in Sam2(model=str(sam2_folder)).track(video, [Prompt(0, 0, box=BOX)]):
        assert one.frame == video.allowed
        video.allowed += 1
    assert video.allowed == 8
