"""Frames as SAM 2 sees them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from alref_local.perceive.pixels import to_model

CPU = torch.device("cpu")
FRAME = np.random.default_rng(0).integers(0, 256, (48, 90, 3), dtype=np.uint8)
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def test_bicubic_is_the_original() -> None:
    """Masks would drift from the released SAM 2's, which resizes frames with Pillow's bicubic."""
    square = np.asarray(Image.fromarray(FRAME).resize((32, 32))) / 255.0
    expected = ((square - MEAN) / STD).transpose(2, 0, 1)
    np.testing.assert_allclose(to_model(FRAME, 32, "bicubic", CPU, torch.float32), expected, atol=1e-5)


def test_bilinear_is_the_processor() -> None:
    """Masks would drift from transformers' own processor."""
    whole = torch.from_numpy(FRAME).permute(2, 0, 1)[None]
    square = interpolate(whole, (32, 32), mode="bilinear", antialias=True)[0].numpy() / 255.0
    expected = (square - MEAN[:, None, None]) / STD[:, None, None]
    np.testing.assert_allclose(to_model(FRAME, 32, "bilinear", CPU, torch.float32), expected, atol=1e-5)


@pytest.mark.parametrize("resize", ["bilinear", "bicubic"])
def test_leaves_the_frame_alone(resize: Literal["bilinear", "bicubic"]) -> None:
    """A read-only frame would warn or crash, a writable one would be changed under the reader."""
    frame = FRAME.copy()
    frame.flags.writeable = False
    pixels = to_model(frame, 64, resize, CPU, torch.bfloat16)
    assert pixels.shape == (3, 64, 64)
    assert pixels.dtype == torch.bfloat16
    np.testing.assert_array_equal(frame, FRAME)
