"""The original package's video predictor in the sizes of a transformers checkpoint, with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from alref_local.errors import ConfigError
from alref_local.perceive.sam2_names import original_weights

__all__ = ["original_predictor"]

_STRIDE = 16
"""Of the coarsest features, in pixels of the model's input."""


def original_predictor(model: Any, *, optimized: bool) -> Any:
    """``SAM2VideoPredictor`` with the weights and settings of a ``Sam2VideoModel``, on its device.

    Args:
        optimized: the package's compiled one, and a compiled encoder.

    Raises:
        ConfigError: the original has no such architecture.
    """
    from sam2.sam2_video_predictor import SAM2VideoPredictor, SAM2VideoPredictorVOS

    config, weights = model.config, original_weights(model.state_dict())
    timed = bool(config.enable_temporal_pos_encoding_for_object_pointers)
    predictor: Any = (SAM2VideoPredictorVOS if optimized else SAM2VideoPredictor)(
        compile_image_encoder=optimized,
        image_encoder=_image_encoder(config.vision_config),
        memory_attention=_memory_attention(config),
        memory_encoder=_memory_encoder(config),
        num_maskmem=config.num_maskmem,
        image_size=config.image_size,
        backbone_stride=_STRIDE,
        sigmoid_scale_for_mem_enc=config.sigmoid_scale_for_mem_enc,
        sigmoid_bias_for_mem_enc=config.sigmoid_bias_for_mem_enc,
        binarize_mask_from_pts_for_mem_enc=True,
        use_mask_input_as_output_without_sam=True,
        max_cond_frames_in_attn=config.max_cond_frame_num,
        directly_add_no_mem_embed=True,
        use_high_res_features_in_sam=True,
        multimask_output_in_sam=config.multimask_output_in_sam,
        multimask_min_pt_num=config.multimask_min_pt_num,
        multimask_max_pt_num=config.multimask_max_pt_num,
        multimask_output_for_tracking=config.multimask_output_for_tracking,
        use_multimask_token_for_obj_ptr=True,
        iou_prediction_use_sigmoid=True,
        use_obj_ptrs_in_encoder=True,
        max_obj_ptrs_in_encoder=config.max_object_pointers_in_encoder,
        add_tpos_enc_to_obj_ptrs=timed,
        proj_tpos_enc_in_obj_ptrs=timed,
        use_signed_tpos_enc_to_obj_ptrs=timed,
        only_obj_ptrs_in_the_past_for_eval=True,
        pred_obj_scores=True,
        pred_obj_scores_mlp=True,
        fixed_no_obj_ptr=True,
        use_mlp_for_obj_ptr_proj=True,
        no_obj_embed_spatial=config.enable_occlusion_spatial_embedding,
    )
    predictor.sam_prompt_encoder = _prompt_encoder(config.prompt_encoder_config)
    predictor.sam_mask_decoder = _mask_decoder(config.mask_decoder_config)
    _load(predictor, weights)
    return predictor.to(model.device).eval().requires_grad_(False)


def _image_encoder(config: Any) -> Any:
    from sam2.modeling.backbones.hieradet import Hiera
    from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder

    backbone = config.backbone_config
    trunk: Any = Hiera(
        embed_dim=backbone.hidden_size,
        num_heads=backbone.num_attention_heads_per_stage[0],
        q_pool=backbone.num_query_pool_stages,
        q_stride=tuple(backbone.query_stride),
        stages=tuple(backbone.blocks_per_stage),
        window_pos_embed_bkg_spatial_size=tuple(backbone.window_positional_embedding_background_size),
        window_spec=tuple(backbone.window_size_per_stage),
        global_att_blocks=tuple(backbone.global_attention_blocks),
    )
    # The original doubles the heads at each stage; a config lists them.
    of_blocks = zip(backbone.num_attention_heads_per_stage, backbone.blocks_per_stage, strict=True)
    for block, heads in zip(trunk.blocks, (h for h, n in of_blocks for _ in range(n)), strict=True):
        block.attn.num_heads = heads
    if trunk.channel_list != list(config.backbone_channel_list):
        raise ConfigError(
            f"The original SAM 2 has no encoder of {config.backbone_channel_list} channels.",
            hint="Use the engine alref_local.perceive.segmentation:Sam2 with this checkpoint.",
        )
    neck = FpnNeck(
        position_encoding=_sine(config.fpn_hidden_size),
        d_model=config.fpn_hidden_size,
        backbone_channel_list=list(config.backbone_channel_list),
        fpn_top_down_levels=list(config.fpn_top_down_levels),
        fpn_interp_model="nearest",
    )
    return ImageEncoder(trunk, neck, scalp=len(config.backbone_channel_list) - config.num_feature_levels)


def _memory_attention(config: Any) -> Any:
    from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
    from sam2.modeling.sam.transformer import RoPEAttention

    width = config.memory_attention_hidden_size
    attention = {
        "rope_theta": config.rope_parameters["rope_theta"],
        "feat_sizes": tuple(config.memory_attention_rope_feat_sizes),
        "embedding_dim": width,
        "num_heads": config.memory_attention_num_attention_heads,
        "downsample_rate": config.memory_attention_downsample_rate,
    }
    memory = {"rope_k_repeat": True, "kv_in_dim": config.memory_encoder_output_channels}
    layer = MemoryAttentionLayer(
        activation=config.memory_attention_feed_forward_hidden_act,
        cross_attention=RoPEAttention(**attention, **memory),
        d_model=width,
        dim_feedforward=config.memory_attention_feed_forward_hidden_size,
        dropout=0.0,
        pos_enc_at_attn=False,
        pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
        self_attention=RoPEAttention(**attention),
    )
    return MemoryAttention(width, True, layer, config.memory_attention_num_layers)


def _memory_encoder(config: Any) -> Any:
    from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder

    width = config.memory_fuser_embed_dim
    block = CXBlock(width, kernel_size=config.memory_fuser_kernel_size, padding=config.memory_fuser_padding)
    return MemoryEncoder(
        out_dim=config.memory_encoder_output_channels,
        mask_downsampler=MaskDownSampler(
            embed_dim=config.mask_downsampler_embed_dim,
            kernel_size=config.mask_downsampler_kernel_size,
            stride=config.mask_downsampler_stride,
            padding=config.mask_downsampler_padding,
            total_stride=config.mask_downsampler_total_stride,
        ),
        fuser=Fuser(block, config.memory_fuser_num_layers),
        position_encoding=_sine(config.memory_encoder_output_channels),
        in_dim=config.memory_encoder_hidden_size,
    )


def _prompt_encoder(config: Any) -> Any:
    from sam2.modeling.sam.prompt_encoder import PromptEncoder

    grid, side = config.image_size // config.patch_size, config.image_size
    return PromptEncoder(config.hidden_size, (grid, grid), (side, side), config.mask_input_channels)


def _mask_decoder(config: Any) -> Any:
    from sam2.modeling.sam.mask_decoder import MaskDecoder
    from sam2.modeling.sam.transformer import TwoWayTransformer

    return MaskDecoder(
        transformer_dim=config.hidden_size,
        transformer=TwoWayTransformer(
            depth=config.num_hidden_layers,
            embedding_dim=config.hidden_size,
            num_heads=config.num_attention_heads,
            mlp_dim=config.mlp_dim,
            attention_downsample_rate=config.attention_downsample_rate,
        ),
        num_multimask_outputs=config.num_multimask_outputs,
        iou_head_depth=config.iou_head_depth,
        iou_head_hidden_dim=config.iou_head_hidden_dim,
        use_high_res_features=True,
        iou_prediction_use_sigmoid=True,
        dynamic_multimask_via_stability=config.dynamic_multimask_via_stability,
        dynamic_multimask_stability_delta=config.dynamic_multimask_stability_delta,
        dynamic_multimask_stability_thresh=config.dynamic_multimask_stability_thresh,
        pred_obj_scores=True,
        pred_obj_scores_mlp=True,
        use_multimask_token_for_obj_ptr=True,
    )


def _sine(width: int) -> Any:
    from sam2.modeling.position_encoding import PositionEmbeddingSine

    return PositionEmbeddingSine(width)


def _load(predictor: Any, weights: Mapping[str, torch.Tensor]) -> None:
    """Give the predictor its weights, all of them; inner widths that the original fixes follow the weights."""
    for name, module in predictor.named_modules():
        found = weights.get(f"{name}.weight")
        if isinstance(module, torch.nn.Linear) and found is not None and module.weight.shape != found.shape:
            module.weight = torch.nn.Parameter(torch.empty_like(found))
            module.bias = torch.nn.Parameter(torch.empty_like(weights[f"{name}.bias"]))
    try:
        predictor.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise ConfigError(
            "The original SAM 2 has no architecture like this checkpoint's.",
            hint="Use the engine alref_local.perceive.segmentation:Sam2 with it.",
        ) from error
