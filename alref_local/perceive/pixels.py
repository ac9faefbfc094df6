"""A video frame as SAM 2 sees it: a square of fixed side, aspect ratio not kept, ImageNet statistics."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from PIL import Image as Pillow
from torch.nn.functional import interpolate

from alref_local.types import Image

__all__ = ["to_model"]

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def to_model(
    image: Image, side: int, resize: Literal["bilinear", "bicubic"], device: torch.device, dtype: torch.dtype
) -> torch.Tensor:
    """``(H, W, 3)`` uint8 RGB -> ``(3, side, side)`` on ``device``.

    Args:
        resize: ``bicubic`` is Pillow's, as in the original SAM 2; ``bilinear`` (antialiased, on uint8) is
            what the processor of transformers does.
    """
    # Resized on the CPU always, so that a GPU run starts from the same pixels. np.array copies: frames may be
    # read-only.
    if resize == "bicubic":
        square = np.array(Pillow.fromarray(image).resize((side, side), Pillow.Resampling.BICUBIC))
        pixels = torch.from_numpy(square).permute(2, 0, 1)
    else:
        frame = torch.from_numpy(np.array(image)).permute(2, 0, 1)
        pixels = interpolate(frame[None], (side, side), mode="bilinear", antialias=True)[0]
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (_MEAN, _STD))
    return ((pixels.to(device).float() / 255 - mean) / std).to(dtype)
