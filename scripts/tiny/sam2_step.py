"""SAM 2's video step with gradients, for a batch of objects at once.

The library's `forward` and `propagate_in_video_iterator` run without gradients and one object at a time.
Here the same modules are called in the same order for many objects; a test compares the two on random weights.
Frames may be windows cut from a larger frame: every position code is then cut from the large frame's, so what is
learned on windows holds on whole frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Sam2VideoModel

NO_OBJECT = -1024.0
MAX_POINTERS = 16


class Prompt(NamedTuple):
    """One prompt per object, all of one kind. A box is two points labelled 2 and 3; clicks are labelled 1 or 0."""

    points: Tensor | None
    """(B, P, 2) float, x and y in pixels of the whole model frame; None for a mask prompt."""
    labels: Tensor | None
    """(B, P) int."""
    masks: Tensor | None = None
    """(B, 1, S, S) float in {0, 1}, at the size of the window."""


class Features(NamedTuple):
    """Encoded frames, N of them, in windows of S pixels."""

    fine: Tensor
    """(N, 16, S/4, S/4)"""
    middle: Tensor
    """(N, 32, S/8, S/8)"""
    coarse: Tensor
    """(N, 128, S/16, S/16)"""
    place: Tensor
    """(N, 128, S/16, S/16): position code of prompts and image, for the mask decoder."""
    sine: Tensor
    """(N, 128, S/16, S/16): sine position code, for the memory attention."""
    memory_sine: Tensor
    """(N, 64, S/16, S/16): sine position code of memories."""

    def select(self, index: Tensor) -> Features:
        """The frames at `index` (B,), repeated where an index repeats."""
        return Features(*(field[index] for field in self))


@dataclass(slots=True)
class Memory:
    """What is kept of one frame for B objects."""

    features: Tensor
    """(S/16 * S/16, B, 64)"""
    place: Tensor
    """(S/16 * S/16, B, 64)"""
    pointer: Tensor
    """(B, 128)"""
    prompted: bool


class Prediction(NamedTuple):
    """Raw outputs of one frame: mask logits (B, S/4, S/4), object score logits (B,), estimated IoU (B,)."""

    logits: Tensor
    score: Tensor
    iou: Tensor


def _cut(whole: Tensor, corners: Tensor, side: int) -> Tensor:
    """Windows (N, C, side, side) of one map (1, C, G, G) at integer `corners` (N, 2), x then y."""
    return torch.stack([whole[0, :, y : y + side, x : x + side] for x, y in corners.tolist()])


def encode(model: Sam2VideoModel, pixels: Tensor, corners: Tensor) -> Features:
    """Encode windows of frames.

    `pixels` (N, 3, S, S) float, normalised; `corners` (N, 2) int, the window's left and top in the whole
    model frame, multiples of 32: the backbone's windows and strides then fall as they do in the whole frame.
    """
    size, side = model.config.image_size, pixels.shape[-1]
    backbone, neck = model.vision_encoder.backbone, model.vision_encoder.neck
    _set_memory_grid(model, side // 16)
    whole = backbone._get_pos_embed((size // 4, size // 4)).permute(0, 3, 1, 2)
    hidden = backbone.patch_embed(pixels) + _cut(whole, corners // 4, side // 4).permute(0, 2, 3, 1)
    stages = []
    for index, block in enumerate(backbone.blocks):
        hidden = block(hidden)
        if index in backbone.stage_ends:
            stages.append(hidden)
    top = _pointwise(stages[3], neck.convs[0])
    coarse = _pointwise(stages[2], neck.convs[1]) + F.interpolate(top, scale_factor=2.0, mode="nearest")
    grid, where = size // 16, corners // 16
    kind = (pixels.device, pixels.dtype)
    sine = neck.position_encoding(torch.Size((1, coarse.shape[1], grid, grid)), *kind)
    memory_sine = model.memory_encoder.position_encoding(torch.Size((1, model.mem_dim, grid, grid)), *kind)
    place = model.get_image_wide_positional_embeddings()
    return Features(
        _pointwise(stages[0], neck.convs[3], model.mask_decoder.conv_s0),
        _pointwise(stages[1], neck.convs[2], model.mask_decoder.conv_s1),
        coarse,
        *(_cut(field, where, side // 16) for field in (place, sine, memory_sine)),
    )


def _pointwise(hidden: Tensor, *convs: nn.Conv2d) -> Tensor:
    """1x1 convolutions one after the other on (N, H, W, C), as one product; the answer is (N, C', H, W).

    The two finest levels pass through 128 channels only to be narrowed to 16 and 32; multiplying the weights
    first saves these large maps.
    """
    weight, bias = convs[0].weight.flatten(1), convs[0].bias
    for conv in convs[1:]:
        narrow = conv.weight.flatten(1)
        weight, bias = narrow @ weight, narrow @ bias + conv.bias
    return F.linear(hidden, weight, bias).permute(0, 3, 1, 2)


def _set_memory_grid(model: Sam2VideoModel, side: int) -> None:
    attention = model.memory_attention
    if attention.position_ids.shape[0] != side * side:
        y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        ids = torch.stack([x.flatten(), y.flatten()], dim=-1)
        attention.position_ids = ids.to(attention.position_ids)


def decode(
    model: Sam2VideoModel, view: Features, conditioned: Tensor, prompt: Prompt | None
) -> tuple[Prediction, Tensor]:
    """Masks of B objects from their frames; also the pointer (B, 128) before the object score is applied."""
    count = conditioned.shape[0]
    device = conditioned.device
    if prompt is None or prompt.points is None or prompt.labels is None:
        points = torch.zeros(count, 1, 2, device=device)
        labels = -torch.ones(count, 1, dtype=torch.int32, device=device)
    else:
        points, labels = prompt.points, prompt.labels
    sparse, _ = model.prompt_encoder(points[:, None], labels[:, None], None, None)
    if prompt is not None and prompt.masks is not None:
        dense = model.prompt_encoder.mask_embed(model.mask_downsample(prompt.masks))
    else:
        dense = model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
    logits, iou, tokens, score = model.mask_decoder(
        image_embeddings=conditioned,
        image_positional_embeddings=view.place,
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=False,
        high_resolution_features=[view.fine, view.middle],
    )
    pointer = model.object_pointer_proj(tokens[:, 0, 0])
    return Prediction(logits[:, 0, 0], score[:, 0, 0], iou[:, 0, 0]), pointer


def remember(
    model: Sam2VideoModel, view: Features, mask: Tensor, present: Tensor, pointer: Tensor, prompted: bool
) -> Memory:
    """Encode a frame's mask (B, 1, S, S), values 0..1, and presence (B,), 0 or 1, into a memory."""
    encoder = model.memory_encoder
    scaled = mask * model.config.sigmoid_scale_for_mem_enc + model.config.sigmoid_bias_for_mem_enc
    fused = encoder.feature_projection(view.coarse) + encoder.mask_downsampler(scaled)
    features = encoder.projection(encoder.memory_fuser(fused))
    absent = (1 - present)[:, None]
    features = features + (absent * model.occlusion_spatial_embedding_parameter)[..., None, None]
    pointer = present[:, None] * pointer + absent * model.no_object_pointer
    return Memory(_flat(features), _flat(view.memory_sine), pointer, prompted)


def _flat(grid: Tensor) -> Tensor:
    """(B, C, H, W) to (H*W, B, C)."""
    return grid.flatten(2).permute(2, 0, 1)


def recall(
    model: Sam2VideoModel,
    view: Features,
    bank: dict[int, Memory],
    time: int,
    backward: bool,
    clip_length: int,
) -> Tensor:
    """Frame features (B, 128, S/16, S/16) conditioned on the memories of other frames, as in the session."""
    sign = -1 if backward else 1
    slots = [(0, memory) for memory in bank.values() if memory.prompted]
    for offset in range(model.num_maskmem - 1, 0, -1):
        memory = bank.get(time - sign * offset)
        if memory is not None and not memory.prompted:
            slots.append((offset, memory))
    pointers = [((time - t) * sign, m.pointer) for t, m in bank.items() if m.prompted]
    pointers = [(offset, pointer) for offset, pointer in pointers if offset >= 0]
    longest = min(clip_length, MAX_POINTERS)
    for offset in range(1, longest):
        memory = bank.get(time - sign * offset)
        if memory is not None and not memory.prompted:
            pointers.append((offset, memory.pointer))
    count = view.coarse.shape[0]
    features = [memory.features for _, memory in slots]
    places = [m.place + model.memory_temporal_positional_encoding[offset - 1] for offset, m in slots]
    tokens = 0
    if pointers:
        content, place = model._process_object_pointers(
            [offset for offset, _ in pointers],
            [pointer for _, pointer in pointers],
            longest,
            count,
            model.hidden_dim,
            view.coarse.device,
        )
        features.append(content)
        places.append(place)
        tokens = content.shape[0]
    conditioned = model.memory_attention(
        current_vision_features=_flat(view.coarse),
        current_vision_position_embeddings=_flat(view.sine),
        memory=torch.cat(features),
        memory_posision_embeddings=torch.cat(places),
        num_object_pointer_tokens=tokens,
    )
    return conditioned[0].transpose(1, 2).reshape(view.coarse.shape)


@dataclass(slots=True)
class Truth:
    """Memories to learn from before the predicted ones are any good."""

    masks: Tensor
    """(B, T, S, S) in 0..1: the objects."""
    present: Tensor
    """(B, T): 0 or 1."""
    teach: float
    """Chance that an object's memory of a frame is made from the truth."""


def track(
    model: Sam2VideoModel,
    frames: Features,
    owner: Tensor,
    length: int,
    prompts: dict[int, Prompt],
    clip_length: int,
    truth: Truth | None = None,
) -> list[Prediction]:
    """Follow B objects through clips of `length` frames: prompted ones first, then both ways from the middle one.

    `frames` are the clips' frames one clip after another; `owner` (B,) names each object's clip.
    """
    bank: dict[int, Memory] = {}
    outputs: dict[int, Prediction] = {}
    given = sorted(prompts)
    first = given[len(given) // 2]
    order = given + [t for t in [*range(first + 1, length), *range(first - 1, -1, -1)] if t not in prompts]
    for time in order:
        view = frames.select(owner * length + time)
        prompt = prompts.get(time)
        if prompt is None:
            conditioned = recall(model, view, bank, time, time < first, clip_length)
        else:
            conditioned = view.coarse + model.no_memory_embedding.reshape(1, -1, 1, 1)
            if prompt.masks is not None:
                conditioned = view.coarse
        output, pointer = decode(model, view, conditioned, prompt)
        outputs[time] = output
        mask, present = _seen(output, prompt, view.coarse.shape[-1] * 16)
        if truth is not None and prompt is None:
            mask, present = _teach(mask, present, truth, time)
        bank[time] = remember(model, view, mask, present, pointer, prompt is not None)
    return [outputs[time] for time in range(length)]


def _teach(mask: Tensor, present: Tensor, truth: Truth, time: int) -> tuple[Tensor, Tensor]:
    """Masks (B, 1, S, S) and presences (B,), some of them replaced by the truth."""
    taught = (torch.rand(len(mask), device=mask.device) < truth.teach).to(mask)
    mask = torch.lerp(mask, truth.masks[:, time, None], taught[:, None, None, None])
    return mask, torch.lerp(present, truth.present[:, time], taught)


def _seen(output: Prediction, prompt: Prompt | None, side: int) -> tuple[Tensor, Tensor]:
    """Mask (B, 1, S, S) and presence (B,) that go into the memory of a frame."""
    if prompt is not None and prompt.masks is not None:
        return prompt.masks, (prompt.masks.flatten(1).amax(1) > 0).float()
    present = (output.score > 0).float()
    logits = torch.where(present[:, None, None] > 0, output.logits, NO_OBJECT)[:, None]
    large = F.interpolate(logits, size=(side, side), mode="bilinear", align_corners=False)
    return ((large > 0).float() if prompt is not None else torch.sigmoid(large)), present
