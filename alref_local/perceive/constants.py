"""What transformers' SAM 2 computes anew for every frame or track although it never changes: computed once.

Nothing is approximated: the masks are the same to the last bit for one track, and to rounding for several.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["settle"]


def settle(model: Any) -> None:
    """Make a ``Sam2VideoModel`` remember its position codes, and see a frame once for all tracks of a step.

    The weights must not change afterwards, nor their device.
    """
    backbone, neck = model.vision_encoder.backbone, model.vision_encoder.neck
    backbone._get_pos_embed = _remembered(backbone._get_pos_embed)
    for part in (neck, model.memory_encoder):
        part.position_encoding.forward = _by_shape(part.position_encoding.forward)
    attention = model.memory_attention
    attention.rotary_emb.forward = _once(attention.rotary_emb.forward)
    attention.layers[0].self_attn.forward = _for_all(attention.layers[0].self_attn.forward)


def _by_shape(compute: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Of a position code ``(n, d, h, w)``, which is the same for all ``n``."""
    known = _remembered(compute)

    def code(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
        return known(torch.Size((1, *shape[1:])), device, dtype).expand(*shape)

    return code


def _remembered(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Each answer computed once; unlike ``functools.cache``, the compiler of torch sees through it."""
    known: dict[tuple[Any, ...], Any] = {}

    def answer(*asked: Any) -> Any:
        if asked not in known:
            known[asked] = compute(*asked)
        return known[asked]

    return answer


def _once(compute: Callable[..., Any]) -> Callable[..., Any]:
    """The first answer, whatever is asked."""
    answers: list[Any] = []

    def answer(*asked: Any) -> Any:
        if not answers:
            answers.append(compute(*asked))
        return answers[0]

    return answer


def _for_all(attend: Callable[..., tuple[torch.Tensor, Any]]) -> Callable[..., tuple[torch.Tensor, Any]]:
    """The first layer attends to the frame alone, before any memory: the same for all tracks."""

    def forward(
        query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, **options: Any
    ) -> tuple[torch.Tensor, Any]:
        found, weights = attend(query=query[:1], key=key[:1], value=value[:1], **options)
        return found.expand_as(query), weights

    return forward
