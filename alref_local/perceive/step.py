"""One step of SAM 2 for several tracks at once: memory attention, mask decoder, memory encoder.

transformers steps one object at a time. Here the same modules run once for all tracks whose memories are as many
(``Recalled.structure``); what a track remembers, and how far back, may differ from track to track.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import interpolate

from alref_local.perceive.features import Features, flat
from alref_local.perceive.memory import Memory, Recalled
from alref_local.perceive.propagation import Seen

__all__ = ["Stepper"]

_ABSENT = -1024.0
"""Logit of every pixel where the object is not on the frame, as in SAM 2."""


class Stepper:
    """The step of one model, with what is the same in every step computed once.

    Args:
        model: a ``Sam2VideoModel``.
        length: frames of the video.
    """

    def __init__(self, model: Any, length: int) -> None:
        self._model, self._length = model, length
        self._side, self._grid = int(model.config.image_size), tuple(model.backbone_feature_sizes[-1])
        kind = {"device": model.device, "dtype": model.dtype}
        neck, encoder = model.vision_encoder.neck, model.memory_encoder
        nowhere, no_label = torch.zeros(1, 1, 1, 2, **kind), -torch.ones(1, 1, 1, device=model.device).int()
        with torch.inference_mode():
            self.place = flat(neck.position_encoding((1, model.hidden_dim, *self._grid), **kind))
            places = flat(encoder.position_encoding((1, model.mem_dim, *self._grid), **kind))
            # (slots, cells, d): where in the frame, and how long ago; slot -1 is the conditioning frames'.
            self._places = (places + model.memory_temporal_positional_encoding)[:, :, 0]
            self._no_prompt = model.prompt_encoder(nowhere, no_label, None, None)
            self._image_place = model.get_image_wide_positional_embeddings()
        self._several = model._use_multimask(False, None)

    def step(self, view: Features, recalled: Sequence[Recalled]) -> list[tuple[Seen, Memory]]:
        """The masks of tracks of one structure on the frame in ``view``, and their memories of it."""
        with torch.inference_mode():
            low, pointers, scores = self._decode(view, self._attend(view, recalled))
            high = interpolate(low.float(), (self._side, self._side), mode="bilinear", align_corners=False)
            new = self._model._encode_new_memory(flat(view.coarse), high.to(low.dtype), scores, False)[0]
            logits, numbers = low[:, 0].float().cpu().numpy(), scores.flatten().tolist()
            # Copies: a track that keeps a memory for longer does not keep those of the others.
            memories = [
                Memory(features.contiguous(), pointer.clone())
                for features, pointer in zip(new.unbind(1), pointers, strict=True)
            ]
        return [(Seen(*seen), memory) for *seen, memory in zip(logits, numbers, memories, strict=True)]

    def _attend(self, view: Features, recalled: Sequence[Recalled]) -> torch.Tensor:
        """``(n, D, S/16, S/16)``: the frame as each track sees it after looking back."""
        model, tracks = self._model, len(recalled)
        memory = torch.stack([torch.cat([one for _, one in track.features]) for track in recalled])
        slots = torch.tensor([[distance - 1 for distance, _ in track.features] for track in recalled])
        places = self._places[slots.to(self._places.device)].flatten(1, 2)
        memory, pointer_tokens = memory.to(places.dtype), 0
        if recalled[0].pointers:
            given = [pointer for track in recalled for pointer in track.pointers]
            pointers, pointer_places = model._process_object_pointers(
                [distance for distance, _ in given],
                [pointer[None] for _, pointer in given],
                min(self._length, model.config.max_object_pointers_in_encoder),
                1,
                model.hidden_dim,
                model.device,
            )
            memory = torch.cat([memory, pointers.reshape(tracks, -1, model.mem_dim)], dim=1)
            places = torch.cat([places, pointer_places.reshape(tracks, -1, model.mem_dim)], dim=1)
            pointer_tokens = len(pointers) // tracks
        seen = model.memory_attention(
            current_vision_features=flat(view.coarse).expand(-1, tracks, -1),
            current_vision_position_embeddings=self.place,
            memory=memory.transpose(0, 1),
            memory_posision_embeddings=places.transpose(0, 1),
            num_object_pointer_tokens=pointer_tokens,
        )
        return seen[0].transpose(1, 2).unflatten(2, self._grid)

    def _decode(self, view: Features, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits ``(n, 1, S/4, S/4)``, object pointers ``(n, D)`` and object scores ``(n, 1, 1)``."""
        model, every = self._model, torch.arange(len(seen), device=seen.device)
        sparse, dense = self._no_prompt
        masks, overlaps, tokens, scores = model.mask_decoder(
            image_embeddings=seen,
            image_positional_embeddings=self._image_place,
            sparse_prompt_embeddings=sparse.expand(len(seen), -1, -1, -1),
            dense_prompt_embeddings=dense,
            multimask_output=self._several,
            high_resolution_features=[view.fine, view.middle],
        )
        best = overlaps[:, 0].argmax(-1)
        present = scores > 0
        low = torch.where(present[..., None], masks[every, :, best], _ABSENT)
        token = tokens[every, 0, best if tokens.shape[2] > 1 else 0]
        there = present[:, 0].to(token.dtype)
        pointers = there * model.object_pointer_proj(token) + (1 - there) * model.no_object_pointer
        return low, pointers, scores
