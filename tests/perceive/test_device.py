"""Names of devices."""

from __future__ import annotations

import pytest
import torch

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.perceive.device import torch_device


@pytest.mark.parametrize(
    ("name", "gpus", "device"),
    [
        ("cpu", 0, "cpu"),
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda"),
        ("cuda", 1, "cuda"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_known(name: str, gpus: int, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run would start on another device than the one asked for."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert torch_device(name) == torch.device(device)


@pytest.mark.parametrize(("name", "gpus"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2)])
def test_missing_gpu(name: str, gpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for a GPU that is not there would end in a traceback from CUDA."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(PrerequisiteError, match=name) as caught:
        torch_device(name)
    assert "--device cpu" in caught.value.hint


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "mps", "cuda:0:1"])
def test_unknown(name: str) -> None:
    """A misspelt device would be taken for another or end in a traceback."""
    with pytest.raises(ConfigError):
        torch_device(name)
