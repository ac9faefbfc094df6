"""Candidate boxes for a sentence on a frame: GroundingDINO (Liu et al. 2023, arXiv 2303.05499).

The model is transformers'. The paper takes at most 3 boxes of the pivot frame as candidates, at box threshold
0.15 and text threshold 0.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary
from transformers import AutoTokenizer, GroundingDinoForObjectDetection, GroundingDinoImageProcessorPil

from alref_local.errors import PrerequisiteError
from alref_local.models.resolve import resolve
from alref_local.perceive.boxes import candidates
from alref_local.perceive.device import torch_device
from alref_local.perceive.loading import load_model, load_part
from alref_local.types import Candidate, Image

__all__ = ["GroundingDino", "caption_of"]

_FRAMES, _TEXTS = 4, 64
"""What is remembered (a frame: 40 MB for Swin-B at 800 by 1333 pixels)."""
_BUILT_IN = {"[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}
"""Token ids that GroundingDINO has built in to tell phrases apart."""


class GroundingDino:
    """A ``Grounder``: any GroundingDINO checkpoint in transformers format.

    One frame and one text go through the model at a time, so that a pair's boxes do not depend on what else was
    asked, to the last bit. What belongs to the frame or the text alone is computed once: the pixels and the vision
    backbone of the last few frames, the tokens and BERT of the last texts. Only their fusion and the decoder run for
    every pair.

    Args:
        model: ``tiny:NAME``, a folder or a hub name.
        box_threshold: a box is kept if its best token's probability lies above this.
        text_threshold: as in the original, decides which words of the caption a box's phrase is made of. It
            has no effect on boxes, which are all that this project uses; kept as the protocol's name for the
            number.
        max_candidates: at most so many boxes for a text.
        nms: drop boxes that overlap a better one by more than this IoU (the original does not).
        order: of the boxes, see ``boxes.candidates``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        PrerequisiteError: the checkpoint or the device is not there.
        ConfigError: the checkpoint is not GroundingDINO, or a name is malformed.
    """

    def __init__(
        self,
        *,
        model: str,
        box_threshold: float = 0.15,
        text_threshold: float = 0.2,
        max_candidates: int = 3,
        nms: float | None = None,
        order: Literal["score", "score_if_full"] = "score",
        device: str = "cpu",
    ) -> None:
        folder = resolve(model)
        self.box_threshold = box_threshold
        self.text_threshold = text_threshold
        self.max_candidates = max_candidates
        self.nms = nms
        self.order = order
        self._device = torch_device(device)
        self._tokenizer = _load_tokenizer(folder)
        # Named outright: the plain name means other pixels (and results) once torchvision is installed.
        self._processor = load_part(GroundingDinoImageProcessorPil, folder)
        self._model = load_model(
            GroundingDinoForObjectDetection, folder, model_type="grounding-dino", device=self._device
        )
        self._seen = lru_cache(_FRAMES)(self._see)
        self._read = lru_cache(_TEXTS)(self._tokens)
        # The model appends to the lists that its backbone gives.
        _remember(self._model.model.backbone, lambda found: tuple(list(part) for part in found))
        _remember(self._model.model.text_backbone)

    def with_thresholds(self, box_threshold: float, text_threshold: float) -> Self:
        """The same model (weights shared) with other thresholds."""
        other = copy(self)
        other.box_threshold = box_threshold
        other.text_threshold = text_threshold
        return other

    def propose(self, images: Sequence[Image], texts: Sequence[str]) -> list[list[Candidate]]:
        """Candidates for each pair of a ``(H, W, 3)`` uint8 RGB frame and a text, in the frame.

        Raises:
            ValueError: there are not as many images as texts.
        """
        return [self._propose(image, text) for image, text in zip(images, texts, strict=True)]

    def _propose(self, image: Image, text: str) -> list[Candidate]:
        with torch.inference_mode():
            pixels = self._seen(image.tobytes(), image.shape)
            found = self._model(**pixels, input_ids=self._read(text))
        # Padding is -inf; all tokens of the caption count, [CLS] and [SEP] too, as in the original.
        scores = found.logits[0].sigmoid().amax(-1).float().cpu().numpy()
        boxes = found.pred_boxes[0].float().cpu().numpy()
        size = (int(image.shape[0]), int(image.shape[1]))
        limits: dict[str, Any] = {"threshold": self.box_threshold, "limit": self.max_candidates}
        return candidates(boxes, scores, size, **limits, nms=self.nms, order=self.order)

    def _tokens(self, text: str) -> torch.Tensor:
        """``(1, n)`` token ids; a text longer than the model reads is cut and still ends with a full stop."""
        limit, caption = self._model.config.max_text_len, caption_of(text)
        ids = self._tokenizer(caption, truncation=True, max_length=limit, return_tensors="pt")["input_ids"]
        # Words attend to each other only up to a full stop: a caption without one means nothing.
        ids[0, -2] = _BUILT_IN["."]
        return torch.as_tensor(ids).to(self._device)

    def _see(self, pixels: bytes, shape: tuple[int, ...]) -> Any:
        """The model's input for a frame, on its device."""
        image = np.frombuffer(pixels, np.uint8).reshape(shape)
        found = self._processor(images=image, input_data_format="channels_last", return_tensors="pt")
        return found.to(self._device)


def _load_tokenizer(folder: Path) -> Any:
    tokenizer = load_part(AutoTokenizer, folder)
    # Without its files transformers makes up an empty vocabulary, and every word is unknown.
    if tokenizer.convert_tokens_to_ids(list(_BUILT_IN)) != list(_BUILT_IN.values()):
        raise PrerequisiteError(
            f"The checkpoint folder '{folder}' lacks its tokenizer, BERT's uncased one.",
            hint="Download the whole checkpoint again, with its .json and .txt files.",
        )
    return tokenizer


def caption_of(text: str) -> str:
    """The text as GroundingDINO was trained to read it: lower case, trimmed, with a full stop at the end."""
    caption = text.lower().strip()
    return caption if caption.endswith(".") else caption + "."


def _remember(module: Any, fresh: Callable[[Any], Any] = lambda found: found) -> None:
    """Let ``module`` give its result again when it is asked about the very same tensor, as long as that is held.

    Args:
        fresh: makes a copy of the result, where the caller changes it.
    """
    compute, known = module.forward, WeakTensorKeyDictionary()

    def forward(asked: torch.Tensor, *rest: Any, **options: Any) -> Any:
        if asked not in known:
            known[asked] = compute(asked, *rest, **options)
        return fresh(known[asked])

    module.forward = forward
