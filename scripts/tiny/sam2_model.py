"""The tiny SAM 2 video model: its shape, an initialisation that learns fast from nothing, and its export.

It is a `Sam2VideoModel` of transformers like the released ones, only narrow (2.1 M parameters) and for
256-pixel frames. Two flags differ from the released checkpoints: one mask per prompt instead of three
(a drawn object has no parts to choose between), and two memory slots instead of seven, for the
prompted frame and the last one (cheaper, and a mask that has spilled over is sooner forgotten).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import Sam2HieraDetConfig, Sam2VideoConfig, Sam2VideoModel, Sam2VisionConfig
from transformers.models.sam2_video.configuration_sam2_video import (
    Sam2VideoMaskDecoderConfig,
    Sam2VideoPromptEncoderConfig,
)

IMAGE_SIZE = 256
HIDDEN = 128
POSITION_SCALES = (0.15, 1.1)
"""Column scales of the random position matrix: broad and fine position kernels instead of one width."""

SCORE_BIAS = "mask_decoder.pred_obj_score_head.proj_out.bias"
CAUTION = 1.5
"""Taken from the object score's bias on export, chosen on validation clips: a track in doubt is better empty."""
LEARNED_CODES = (
    "no_object_pointer",
    "no_memory_embedding",
    "temporal_positional_encoding",
    "occlusion_spatial_embedding_parameter",
    "pos_embed",
    "pos_embed_window",
)


def make_config(image_size: int = IMAGE_SIZE) -> Sam2VideoConfig:
    """Configuration of the tiny model; no parameter's shape depends on `image_size` (a multiple of 32)."""
    quarter = image_size // 4
    widths = [24, 48, 96, 192]
    backbone = Sam2HieraDetConfig(
        hidden_size=widths[0],
        image_size=[image_size, image_size],
        blocks_per_stage=[1, 2, 3, 1],
        embed_dim_per_stage=widths,
        num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[8, 8, 8, 4],
        global_attention_blocks=[5],
        window_positional_embedding_background_size=[8, 8],
        mlp_ratio=3.0,
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=widths[::-1],
        backbone_feature_sizes=[[quarter // 2**i] * 2 for i in range(3)],
        fpn_hidden_size=HIDDEN,
    )
    return Sam2VideoConfig(
        vision_config=vision,
        image_size=image_size,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(
            hidden_size=HIDDEN, image_size=image_size, patch_size=16, mask_input_channels=16
        ),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(
            hidden_size=HIDDEN,
            mlp_dim=2 * HIDDEN,
            num_attention_heads=4,
            iou_head_hidden_dim=64,
            dynamic_multimask_via_stability=False,
        ),
        multimask_output_in_sam=False,
        multimask_output_for_tracking=False,
        num_maskmem=2,
        memory_attention_hidden_size=HIDDEN,
        memory_attention_num_layers=2,
        memory_attention_feed_forward_hidden_size=2 * HIDDEN,
        memory_attention_dropout=0.0,
        memory_attention_rope_dropout=0.0,
        memory_attention_rope_feat_sizes=[image_size // 16] * 2,
        memory_encoder_hidden_size=HIDDEN,
        memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=HIDDEN,
        memory_fuser_embed_dim=HIDDEN,
        memory_fuser_intermediate_dim=2 * HIDDEN,
        memory_fuser_layer_scale_init_value=0.1,
    )


def make_model(seed: int = 0, image_size: int = IMAGE_SIZE) -> Sam2VideoModel:
    """A fresh model, initialised by `initialise`."""
    torch.manual_seed(seed)
    model = Sam2VideoModel(make_config(image_size))
    initialise(model)
    return model


def initialise(model: Sam2VideoModel) -> None:
    """Fan-in weights, calm residuals, and attention that starts out comparing positions.

    With the library's N(0, 0.02) the decoder cannot bind a prompt to its place for thousands of steps. Equal
    query and key projections in the cross attentions of the decoder make their product a similarity of
    position codes from the first step on.
    """
    with torch.no_grad():
        _fill(model)
        _match_positions(model)
        _calm(model)


def _fill(model: Sam2VideoModel) -> None:
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            upwards = isinstance(module, nn.ConvTranspose2d)
            fan_in = module.weight.shape[0] if upwards else module.weight[0].numel()
            nn.init.trunc_normal_(module.weight, std=fan_in**-0.5, a=-3, b=3)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.5)
    for name, parameter in model.named_parameters():
        if name.endswith(LEARNED_CODES):
            nn.init.trunc_normal_(parameter, std=0.02)
    nn.init.normal_(model.prompt_encoder.no_mask_embed.weight, std=0.02)


def _match_positions(model: Sam2VideoModel) -> None:
    transformer = model.mask_decoder.transformer
    crosses = [transformer.final_attn_token_to_image]
    for layer in transformer.layers:
        crosses += [layer.cross_attn_token_to_image, layer.cross_attn_image_to_token]
    for attention in crosses:
        attention.q_proj.weight.mul_(1.4)
        attention.k_proj.weight.copy_(attention.q_proj.weight)
    matrix = torch.randn(2, HIDDEN // 2) * torch.linspace(*POSITION_SCALES, HIDDEN // 2)
    # Prompts and image hold separate copies of one matrix; they must be equal to speak of the same places.
    model.shared_image_embedding.positional_embedding.copy_(matrix)
    model.prompt_encoder.shared_embedding.positional_embedding.copy_(matrix)


def _calm(model: Sam2VideoModel) -> None:
    for conv in model.vision_encoder.neck.convs:
        conv.weight.mul_(0.35)
    for block in model.vision_encoder.backbone.blocks:
        block.attn.proj.weight.mul_(0.5)
        block.mlp.proj_out.weight.mul_(0.5)
    for head in model.mask_decoder.output_hypernetworks_mlps:
        head.proj_out.weight.mul_(0.15)


def export(model: Sam2VideoModel, folder: Path) -> None:
    """Write `config.json` and `model.safetensors`: float16 on disk, float32 once loaded."""
    folder.mkdir(parents=True, exist_ok=True)
    model.config.architectures = ["Sam2VideoModel"]
    model.config.dtype = torch.float32
    model.config.save_pretrained(folder)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    state[SCORE_BIAS] = state[SCORE_BIAS] - CAUTION
    state = {name: tensor.half() for name, tensor in state.items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
