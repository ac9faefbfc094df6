"""The tiny Qwen2-VL: its sizes, first weights, and the folder it is saved in."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from qwen2_vl_data import SIDE
from qwen2_vl_tokens import CHAT_TEMPLATE, VOCABULARY, build_tokenizer

HEAD: Final = 32
MOST_PANELS: Final = 6


def build_config(vision: tuple[int, int] = (128, 4), text: tuple[int, int] = (160, 5)) -> Qwen2VLConfig:
    """Widths and depths of the two towers; heads are 32 wide, which vLLM's CPU attention knows."""
    ids = {name: build_tokenizer().convert_tokens_to_ids(f"<|{name}|>") for name in _NAMED}
    return Qwen2VLConfig(
        vision_config={
            "depth": vision[1], "embed_dim": vision[0], "num_heads": vision[0] // HEAD, "mlp_ratio": 4,
            "hidden_size": text[0], "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2,
        },
        text_config={
            "vocab_size": VOCABULARY, "hidden_size": text[0], "num_hidden_layers": text[1],
            "intermediate_size": round(text[0] * 2.8 / 32) * 32, "num_attention_heads": text[0] // HEAD,
            "num_key_value_heads": text[0] // HEAD, "rms_norm_eps": 1e-6, "initializer_range": 0.05,
            "max_position_embeddings": 8192, "tie_word_embeddings": False,
            # Qwen2-VL gives width the lowest frequencies: with its theta of 1e6 the columns of a small image look
            # alike to a small model.
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [2, 4, 10]},
            "bos_token_id": ids["endoftext"], "eos_token_id": ids["im_end"], "pad_token_id": ids["endoftext"],
        },
        image_token_id=ids["image_pad"], video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"], vision_end_token_id=ids["vision_end"],
        tie_word_embeddings=False,
    )  # fmt: skip


_NAMED: Final = ("endoftext", "im_end", "image_pad", "video_pad", "vision_start", "vision_end")


def build_model(config: Qwen2VLConfig | None = None) -> Qwen2VLForConditionalGeneration:
    """A model with first weights, of the shipped sizes unless told otherwise."""
    model = Qwen2VLForConditionalGeneration(config or build_config())
    with torch.no_grad():
        for module in model.model.visual.modules():
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.normal_(module.weight, std=0.7 * module.in_features**-0.5)
        torch.nn.init.normal_(model.model.visual.patch_embed.proj.weight, std=588**-0.5)
    return model


def begin_from(model: Qwen2VLForConditionalGeneration, folder: Path) -> None:
    """Take over the weights of a smaller model of the same widths, words by their text.

    Blocks that it has not add nothing at first: their way out is zero.
    """
    known = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).state_dict()
    words = AutoTokenizer.from_pretrained(folder).get_vocab()
    own = build_tokenizer().get_vocab()
    shared = [(place, words[word]) for word, place in own.items() if word in words]
    ways_out = ("attn.proj.", "mlp.fc2.", "self_attn.o_proj.", "mlp.down_proj.")
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if "embed_tokens" in name or "lm_head" in name:
                for place, before in shared:
                    value[place] = known[name][before]
            elif name in known:
                value.copy_(known[name])
            elif any(way in name for way in ways_out):
                value.zero_()


def save_folder(model: Qwen2VLForConditionalGeneration, folder: Path) -> None:
    """Config, bfloat16 weights, tokenizer with chat template, image processor; each file whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    config = deepcopy(model.config)
    config.architectures = ["Qwen2VLForConditionalGeneration"]
    config.dtype = torch.bfloat16
    config.save_pretrained(folder)
    kept = {name: value.detach().bfloat16().cpu().contiguous() for name, value in model.state_dict().items()}
    part = folder / "model.safetensors.part"
    save_file({_released_name(name): value for name, value in kept.items()}, part, metadata={"format": "pt"})
    part.replace(folder / "model.safetensors")
    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": CHAT_TEMPLATE}, indent=2) + "\n")
    pixels = {"shortest_edge": 28 * 28 * 4, "longest_edge": SIDE[0] * SIDE[1] * MOST_PANELS}
    Qwen2VLImageProcessorPil(size=pixels).save_pretrained(folder)
    _rewrite(
        folder / "preprocessor_config.json",
        image_processor_type="Qwen2VLImageProcessor", processor_class="Qwen2VLProcessor",
        min_pixels=pixels["shortest_edge"], max_pixels=pixels["longest_edge"],
    )  # fmt: skip
    # vLLM and transformers read the class of the tokenizer here.
    _rewrite(
        folder / "tokenizer_config.json", tokenizer_class="Qwen2Tokenizer", processor_class="Qwen2VLProcessor"
    )
    eos = [tokenizer.convert_tokens_to_ids(t) for t in ("<|im_end|>", "<|endoftext|>")]
    GenerationConfig(
        bos_token_id=eos[1], eos_token_id=eos, pad_token_id=eos[1], do_sample=False
    ).save_pretrained(folder)


def _released_name(name: str) -> str:
    """Released Qwen2-VL checkpoints call the vision tower `visual` and the text tower `model`."""
    return name.replace("model.visual.", "visual.", 1).replace("model.language_model.", "model.", 1)


def _rewrite(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes, indent=2, sort_keys=True) + "\n")
