"""Loads a checkpoint folder of one model family: safetensors only, whole or not at all, without chatter."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from transformers.utils import logging

from alref_local.errors import ConfigError, PrerequisiteError

__all__ = ["check_family", "family", "load_model", "load_part", "unpickled"]

_chatter: Any = logging


def load_model(
    kind: Any, folder: Path, *, model_type: str, device: torch.device, dtype: torch.dtype = torch.float32
) -> Any:
    """The model of transformers class ``kind`` in ``folder``, in evaluation mode, no gradients.

    Raises:
        PrerequisiteError: the folder lacks ``config.json`` or safetensors weights.
        ConfigError: the folder holds another architecture, or weights that do not fit its config.
    """
    check_family(folder, model_type)
    if not any(folder.glob("*.safetensors")):
        raise PrerequisiteError(
            f"The checkpoint folder '{folder}' holds no safetensors weights.",
            hint="Get the whole checkpoint; `alref-local models pull` and `install` make safetensors of .bin files.",
        )
    try:
        with _quiet():
            model, report = kind.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=dtype, output_loading_info=True
            )
    except Exception as error:  # transformers, safetensors and the config classes raise all sorts here
        raise ConfigError(
            f"The checkpoint in '{folder}' cannot be loaded: {_first_line(error)}.",
            hint="The files may be cut off or edited; download the checkpoint again.",
        ) from error
    # transformers would fill these with random numbers and go on.
    unfit = [*report["missing_keys"], *report["mismatched_keys"]]
    if unfit:
        raise ConfigError(
            f"The weights in '{folder}' do not fit their config: {len(unfit)} tensors are not as it says.",
            hint="Check that config.json and the weights belong together.",
        )
    return model.to(device).eval().requires_grad_(False)


def load_part(kind: Any, folder: Path, **options: Any) -> Any:
    """A tokenizer or (image) processor of class ``kind`` from the checkpoint's own folder.

    Raises:
        PrerequisiteError: its files are not there, or not readable.
    """
    try:
        with _quiet():
            return kind.from_pretrained(folder, local_files_only=True, **options)
    except Exception as error:  # missing and broken files surface as many types
        raise PrerequisiteError(
            f"The checkpoint folder '{folder}' lacks its {kind.__name__}: {_first_line(error)}.",
            hint="Download the whole checkpoint again, with its .json and .txt files.",
        ) from error


def family(folder: Path) -> str:
    """The ``model_type`` in the folder's ``config.json``; raises as ``load_model`` does if there is no such file."""
    config = folder / "config.json"
    if not config.is_file():
        raise PrerequisiteError(
            f"The checkpoint folder '{folder}' holds no config.json.",
            hint="Download the whole checkpoint again.",
        )
    try:
        return str(json.loads(config.read_text(encoding="utf-8")).get("model_type"))
    except (ValueError, AttributeError) as error:
        raise ConfigError(
            f"'{config}' is not a model config.", hint="Download the checkpoint again."
        ) from error


def check_family(folder: Path, model_type: str) -> None:
    """Raise as ``load_model`` does unless ``config.json`` is there and says ``model_type``."""
    if (found := family(folder)) != model_type:
        raise ConfigError(
            f"The checkpoint in '{folder}' is of type '{found}', and '{model_type}' is needed here.",
            hint="Name a checkpoint of the right family in your config.",
        )


def unpickled(file: Path) -> Any:
    """What PyTorch saved in ``file``: numbers, names and their containers, on the processor; code is never run.

    Raises:
        ConfigError: it holds anything else, or is none of PyTorch's files.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice about the file's protocol
            return torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ConfigError(
            f"'{file}' holds more than weights (it may hold code), which is refused.",
            hint="A released checkpoint holds numbers and names only; do not trust this file.",
        ) from error
    except Exception as error:  # files that are none of PyTorch's fail in all sorts of ways
        raise ConfigError(
            f"'{file}' is not a PyTorch checkpoint, or is cut off.", hint="Download the file again."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no advice from transformers while a checkpoint loads."""
    verbosity, bars = _chatter.get_verbosity(), _chatter.is_progress_bar_enabled()
    _chatter.set_verbosity_error()
    _chatter.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice about sizes that a checkpoint has fixed
            yield
    finally:
        _chatter.set_verbosity(verbosity)
        if bars:
            _chatter.enable_progress_bar()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
