"""Candidate boxes by Global-Local CLIP (Yu, Seo and Son, CVPR 2023): the paper's baseline "G-L (SAM) + SAM 2".

Every mask that SAM 2 proposes on a frame is seen by CLIP in two ways, in the whole picture (the tokens outside of the
mask fade from the last quarter of the layers on) and alone (cut out, on a plain ground). A sentence is read in two
ways, too: whole, and its noun phrase. The masks most like the sentence are the candidates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch.nn.functional import adaptive_avg_pool2d, normalize
from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel

from alref_local.models.resolve import resolve
from alref_local.perceive.device import torch_device
from alref_local.perceive.loading import load_model, load_part
from alref_local.perceive.proposals import MaskProposals, box_of
from alref_local.types import Box, Candidate, Image

__all__ = ["GlobalLocal", "noun_phrase"]

_WHOLE_PICTURE: Final = 0.95
"""Share of the view of the whole picture; the rest is the cut-out's."""
_WHOLE_SENTENCE: Final = 0.5
_GROUND: Final = (123.675, 116.28, 103.53)
"""The mean colour of ImageNet, around a cut-out."""


class GlobalLocal:
    """A ``Grounder``.

    Args:
        model: ``tiny:NAME``, a folder or a hub name of a CLIP checkpoint with a vision transformer.
        proposals: the same of a SAM 2 checkpoint, whose masks are candidates; or these themselves.
        max_candidates: at most so many boxes for a text.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        thresholds: of other grounders; something is always the most alike.

    Raises:
        PrerequisiteError: a checkpoint or the device is not there.
        ConfigError: a checkpoint is of another family.
    """

    def __init__(
        self,
        *,
        model: str,
        proposals: str | MaskProposals,
        max_candidates: int = 3,
        device: str = "cpu",
        **thresholds: Any,
    ) -> None:
        folder = resolve(model)
        self._most = max_candidates
        self._device = torch_device(device)
        self._model = load_model(CLIPModel, folder, model_type="clip", device=self._device)
        self._tokenizer = load_part(AutoTokenizer, folder)
        self._processor = load_part(CLIPImageProcessorPil, folder)
        self._proposals = MaskProposals(proposals, device=device) if isinstance(proposals, str) else proposals
        self._seen = lru_cache(maxsize=1)(self._see)

    def with_thresholds(self, box_threshold: float, text_threshold: float) -> Self:
        """The same: there are no thresholds."""
        return copy(self)

    def propose(self, images: Sequence[Image], texts: Sequence[str]) -> list[list[Candidate]]:
        """Candidates for each pair of a ``(H, W, 3)`` uint8 RGB frame and a text, the most alike first.

        Scores are cosines, moved to ``[0, 1]``.

        Raises:
            ValueError: there are not as many images as texts.
        """
        return [self._propose(image, text) for image, text in zip(images, texts, strict=True)]

    def _propose(self, image: Image, text: str) -> list[Candidate]:
        boxes, looks = self._seen(image.tobytes(), image.shape)
        alike = (looks @ self._read(text)).cpu().numpy()
        best = np.argsort(-alike, kind="stable")[: self._most]
        return [Candidate(boxes[place], (1 + float(alike[place])) / 2) for place in best]

    def _see(self, pixels: bytes, shape: tuple[int, ...]) -> tuple[list[Box], torch.Tensor]:
        """The masks' boxes, and ``(n, d)`` how each of them looks; kept for the next sentence about the frame."""
        image = np.frombuffer(pixels, np.uint8).reshape(shape)
        masks = self._proposals.masks(image)
        boxes = [Box(*map(float, box_of(mask))) for mask in masks]
        if not boxes:
            return [], torch.zeros(0, self._model.config.projection_dim, device=self._device)
        with torch.inference_mode():
            alone = torch.cat([self._looks(_cut_out(image, mask), None) for mask in masks])
            within = self._looks(image, torch.from_numpy(masks).to(self._device))
            return boxes, normalize(_WHOLE_PICTURE * within + (1 - _WHOLE_PICTURE) * alone, dim=-1)

    def _looks(self, image: Image, masks: torch.Tensor | None) -> torch.Tensor:
        """``(n, d)`` features of a picture through ``(n, H, W)`` masks; without masks, ``(1, d)`` of all of it."""
        tower = self._model.vision_model
        side = int(self._model.config.vision_config.image_size)
        square = np.array(Pillow.fromarray(image).resize((side, side), Pillow.Resampling.BICUBIC))
        pixels = self._processor(images=square, do_resize=False, do_center_crop=False, return_tensors="pt")
        x = tower.pre_layrnorm(tower.embeddings(pixels["pixel_values"].to(self._device)))
        cells = side // int(self._model.config.vision_config.patch_size)
        faded = range(len(tower.encoder.layers) * 3 // 4, len(tower.encoder.layers))
        if masks is not None:
            shares = adaptive_avg_pool2d(masks.float()[:, None], cells).flatten(1)[..., None]
            x = x.expand(len(masks), -1, -1)
        for number, layer in enumerate(tower.encoder.layers):
            if masks is not None and number in faded:
                x = torch.cat([x[:, :1], x[:, 1:] * shares], dim=1)
            x = layer(x, None)
        return torch.as_tensor(self._model.visual_projection(tower.post_layernorm(x[:, 0])))

    def _read(self, text: str) -> torch.Tensor:
        """``(d,)``: the sentence and its noun phrase."""
        sentence = " ".join(text.lower().split())
        with torch.inference_mode():
            whole, thing = (self._words(words) for words in (sentence, noun_phrase(sentence)))
            return normalize(_WHOLE_SENTENCE * whole + (1 - _WHOLE_SENTENCE) * thing, dim=-1)

    def _words(self, text: str) -> torch.Tensor:
        limit = int(self._model.config.text_config.max_position_embeddings)
        tokens = self._tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")
        found = self._model.text_model(**tokens.to(self._device)).pooler_output
        return torch.as_tensor(self._model.text_projection(found)[0])


def _cut_out(image: Image, mask: NDArray[np.bool_]) -> Image:
    x0, y0, x1, y1 = box_of(mask)
    ground = np.array(_GROUND, np.uint8)
    return np.asarray(np.where(mask[y0:y1, x0:x1, None], image[y0:y1, x0:x1], ground))


_AFTER: Final = re.compile(
    r"\s+(?:that|which|who|whose|where|while|when|as|is|are|was|were|has|have|with|without|in|on|at|of|to|from|by|for|"
    r"near|next|behind|beside|between|under|above|below|over|along|across|around|inside|outside|into|onto|towards?|"
    r"through|being|\w{2,}ing)\b.*$|\s*[,;:.].*$"
)
"""What can follow a noun phrase; the original asks a parser of hundreds of megabytes."""


def noun_phrase(sentence: str) -> str:
    """The noun phrase at the head of a lower-case sentence: "the big dog" of "the big dog that runs on the left"."""
    return _AFTER.sub("", sentence) or sentence
