"""Which device a model runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

from alref_local.errors import AlrefError, ConfigError, PrerequisiteError

__all__ = ["torch_device", "within_memory"]

_T = TypeVar("_T")


def torch_device(name: str) -> torch.device:
    """``auto`` (a CUDA GPU if there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ConfigError: the name is none of these.
        PrerequisiteError: there is no such GPU on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if (
        kind not in ("cpu", "cuda")
        or (number and (kind == "cpu" or not number.isdecimal()))
        or name.endswith(":")
    ):
        raise ConfigError(f"'{name}' is not a device.", hint="Use auto, cpu, cuda or cuda:N.")
    if kind == "cuda" and int(number or 0) >= (count := torch.cuda.device_count()):
        raise PrerequisiteError(
            f"The device '{name}' does not exist: PyTorch sees {count} CUDA GPUs here.",
            hint="Run with `--device cpu`, or install a CUDA build of PyTorch.",
        )
    return torch.device(name)


def within_memory(work: Callable[..., _T], *args: Any) -> _T:
    """``work(*args)``; a GPU that is full is said in a sentence, and what it held for later is let go.

    Raises:
        AlrefError: there was not enough memory.
    """
    try:
        return work(*args)
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise AlrefError(
            "The GPU has not enough memory left.",
            hint="`alref-local plan` says what fits where; --device cuda:N takes another GPU, "
            "--set segmentation.dtype=bfloat16 half the memory.",
        ) from error
