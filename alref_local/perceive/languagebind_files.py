"""LanguageBind's released folders: ``config.json``, CLIP's tokenizer, ``pytorch_model.bin`` or safetensors.

The fully tuned checkpoint (``LanguageBind_Audio_FT``) holds plain weights. The other holds those of CLIP and beside
them small matrices (LoRA: Hu et al. 2021, arXiv 2106.09685) that are added to them here, once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.perceive.languagebind import LanguageBindConfig, LanguageBindModel
from alref_local.perceive.loading import check_family, unpickled

__all__ = ["FAMILY", "merged", "read"]

FAMILY = "LanguageBindAudio"
"""The ``model_type`` of the audio checkpoints."""

_WRAPPED = re.compile(r"(?<=encoder\.)base_model\.model\.|\.base_layer(?=\.)")
"""What the library that trains small matrices (peft) puts into names."""
_SMALL = re.compile(r"(?P<layer>.+)\.lora_(?P<side>[AB])\.default\.weight")
_UNUSED = re.compile(r".*\.position_ids|logit_scale")


def read(folder: Path) -> tuple[LanguageBindConfig, LanguageBindModel]:
    """Sizes and network, in float32 and evaluation mode, without gradients.

    Raises:
        PrerequisiteError: the folder lacks ``config.json`` or weights.
        ConfigError: it holds another architecture, more than numbers, or weights that do not fit its config.
    """
    check_family(folder, FAMILY)
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tensors = _tensors(folder)
    try:
        config = LanguageBindConfig.of(told)
        vision = told["vision_config"]
        weights = merged(tensors, vision.get("lora_alpha", 16), vision.get("lora_r", 2))
        with torch.device("meta"):  # no time is spent on values that are replaced at once
            model = LanguageBindModel(config)
        copies = {name: at.to(torch.float32, copy=True) for name, at in weights.items()}
        model.load_state_dict(copies, assign=True)
    except Exception as error:  # the config classes and PyTorch raise all sorts here
        raise ConfigError(
            f"The weights in '{folder}' do not fit their config: {' '.join(str(error).split())[:200]}.",
            hint="Check that config.json and the weights belong together.",
        ) from error
    places = model.text_model.embeddings.position_ids  # no weight, so nothing has replaced it
    model.text_model.embeddings.position_ids = torch.arange(places.shape[1]).unsqueeze(0)
    return config, model.eval().requires_grad_(False)


def merged(tensors: Mapping[str, torch.Tensor], alpha: float, rank: int) -> dict[str, torch.Tensor]:
    """Tensors under CLIP's names, with the small matrices added to the weights that they were trained for."""
    plain: dict[str, torch.Tensor] = {}
    small: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        name = _WRAPPED.sub("", name)
        if part := _SMALL.fullmatch(name):
            small.setdefault(part["layer"], {})[part["side"]] = tensor.float()
        elif not _UNUSED.fullmatch(name):
            plain[name] = tensor
    for layer, side in small.items():
        plain[f"{layer}.weight"] = plain[f"{layer}.weight"].float() + side["B"] @ side["A"] * (alpha / rank)
    return plain


def _tensors(folder: Path) -> dict[str, Any]:
    if (weights := folder / "model.safetensors").is_file():
        try:
            return dict(load_file(weights))
        except SafetensorError as error:
            raise ConfigError(
                f"'{weights}' is not a safetensors file, or is cut off.", hint="Download the file again."
            ) from error
    if not (weights := folder / "pytorch_model.bin").is_file():
        raise PrerequisiteError(
            f"The checkpoint folder '{folder}' holds neither model.safetensors nor pytorch_model.bin.",
            hint="Download the whole checkpoint again.",
        )
    held = unpickled(weights)
    if not isinstance(held, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in held.values()):
        raise ConfigError(
            f"'{weights}' does not hold tensors by name.", hint="Download the checkpoint again."
        )
    return held
