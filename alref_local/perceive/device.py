"""Which device a model runs on."""

from __future__ import annotations

import torch

from alref_local.errors import ConfigError, PrerequisiteError

__all__ = ["torch_device"]


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
