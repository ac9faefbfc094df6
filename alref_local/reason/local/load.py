"""Loads a vision-language model and its processor from a folder, for images only and without torchvision."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import AutoImageProcessor, AutoModelForImageTextToText, GenerationConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING, processor_class_from_name

from alref_local.errors import BackendError, ConfigError, PrerequisiteError
from alref_local.perceive.loading import load_model, load_part
from alref_local.reason.grammar import MARKER

__all__ = ["INSTALL", "load_network", "load_processor"]

INSTALL = 'pip install "alref-local[local]"'

_NAMED_IN = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")


def load_network(folder: Path, dtype: str, device: torch.device) -> Any:
    """The model, ready to generate; of its sampling defaults only the ends of a reply are kept.

    Args:
        folder: the checkpoint.
        dtype: name of a torch dtype, or ``auto`` for that of the checkpoint.
        device: where it runs.

    Raises:
        PrerequisiteError: the folder lacks its config or safetensors weights.
        ConfigError: the model takes no images, or its weights do not fit its config.
        BackendError: the device is too small.
    """
    family = _json(folder / "config.json").get("model_type")
    if family and family not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        raise ConfigError(
            f"The model in '{folder}' is of type '{family}', which does not answer questions about images.",
            hint="Name a vision-language model in the backend card, such as Qwen/Qwen2-VL-2B-Instruct.",
        )
    kind: Any = dtype if dtype == "auto" else getattr(torch, dtype)
    try:
        model = load_model(
            AutoModelForImageTextToText, folder, model_type=family or "", device=device, dtype=kind
        )
    except torch.OutOfMemoryError as error:
        raise BackendError(
            f"The model in '{folder}' does not fit into the memory of {device}.",
            hint="Choose a smaller model, dtype bfloat16 in the backend card, or `--device cpu`.",
        ) from error
    told = model.generation_config
    model.generation_config = GenerationConfig(eos_token_id=told.eos_token_id, pad_token_id=told.pad_token_id)
    return model


def load_processor(folder: Path, config: Any, pixels: int | None) -> Any:
    """The checkpoint's own processor, less its parts for video and sound, which need torchvision.

    Its image part is the one that computes with Pillow, so that pixels do not depend on what else is installed.

    Args:
        folder: the checkpoint.
        config: the model's config.
        pixels: most pixels of an image, for models whose images have a budget; others have a size of their own.

    Raises:
        PrerequisiteError: files, or a package that reads them, are missing.
        ConfigError: no processor is known for the checkpoint, or it has no chat template.
    """
    if (folder / "tokenizer.model").is_file() and not (folder / "tokenizer.json").is_file():
        _need("sentencepiece", "google.protobuf")
    kind = _processor_kind(folder, config)
    parts = [name for name in kind.get_attributes() if name in ("image_processor", "tokenizer")]
    images_only = type(kind.__name__, (kind,), {"get_attributes": classmethod(lambda cls: parts)})
    processor = load_part(images_only, folder)
    has_budget = "max_pixels" in processor.image_processor.valid_kwargs.__annotations__
    budget = {"max_pixels": pixels} if has_budget and pixels is not None else {}
    processor.image_processor = load_part(AutoImageProcessor, folder, backend="pil", **budget)
    processor.chat_template = processor.chat_template or processor.tokenizer.chat_template
    _check(processor, folder)
    return processor


def _check(processor: Any, folder: Path) -> None:
    """Find what transformers passes over where files are missing."""
    if MARKER not in processor.tokenizer.decode(processor.tokenizer(MARKER)["input_ids"]):
        raise PrerequisiteError(
            f"The checkpoint folder '{folder}' lacks the vocabulary of its tokenizer.",
            hint="Download the whole checkpoint again, with its .json, .txt and .model files.",
        )
    if not processor.chat_template:
        raise ConfigError(
            f"The checkpoint in '{folder}' has no chat template.",
            hint="Name a model that was trained to follow instructions, such as Qwen/Qwen2-VL-2B-Instruct.",
        )


def _processor_kind(folder: Path, config: Any) -> Any:
    """The class that the checkpoint names, or else that of its family."""
    named = (_json(folder / name).get("processor_class") for name in _NAMED_IN)
    kinds = (processor_class_from_name(name) for name in named if name)
    kind = next((kind for kind in kinds if kind), None) or PROCESSOR_MAPPING.get(type(config), None)
    if kind is None:
        raise ConfigError(
            f"The checkpoint in '{folder}' has no processor that transformers knows.",
            hint="Serve this model with vLLM instead (`alref-local backends qwen`).",
        )
    return kind


def _json(path: Path) -> dict[str, Any]:
    """Content of a file that may be missing or broken; who needs it says so."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _need(*packages: str) -> None:
    if missing := [name for name in packages if find_spec(name) is None]:
        raise PrerequisiteError(
            f"This checkpoint's tokenizer needs {missing[0]}, which is not installed.",
            hint=f"Run `{INSTALL}`.",
        )
