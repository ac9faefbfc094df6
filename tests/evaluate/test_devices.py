"""Workers compute where there is room for them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from alref_local.configs import load_config
from alref_local.errors import PrerequisiteError
from alref_local.evaluate import devices
from alref_local.evaluate.devices import devices_for
from alref_local.reason.card import load_card
from alref_local.serve.hosts import GIB, Gpu, Host
from tests.cli.kit import call


def on(monkeypatch: pytest.MonkeyPatch, *free: float) -> None:
    """A machine with GPUs of 48 GiB, of which so many GiB each are free."""
    gpus = tuple(Gpu(str(n), "L40S", 48 * GIB, int(gib * GIB)) for n, gib in enumerate(free))
    monkeypatch.setattr(devices, "read_host", lambda: Host(gpus))
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")


@pytest.mark.parametrize(
    ("free", "found"),
    [
        ((), ()),
        ((47,), ("cuda:0",)),
        ((6, 3), ("cuda:0",)),
        ((47, 4, 12), ("cuda:0", "cuda:2")),
        ((3, 47), ("cuda:1",)),
    ],
)
def test_busy_gpus_are_left_alone(
    free: tuple[float, ...], found: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker would be started on the GPU of the language model, and both would run out of memory."""
    on(monkeypatch, *free)
    assert devices_for(load_config("default"), load_card("qwen"), sound=False) == found
    assert os.environ["CUDA_DEVICE_ORDER"] == ("PCI_BUS_ID" if free else "FASTEST_FIRST")


def test_a_model_in_process_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker would load its language model where there is room for SAM 2 alone."""
    on(monkeypatch, 47, 12)
    assert devices_for(load_config("default"), load_card("none"), sound=False) == ("cuda:0", "cuda:1")
    assert devices_for(load_config("default"), load_card("qwen-local"), sound=False) == ("cuda:0",)


def test_no_room_is_said_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A night's run would die of a memory error that the evening could have shown."""
    on(monkeypatch, 3, 2)
    with pytest.raises(PrerequisiteError, match=r"takes 5\.8 GB"):
        devices_for(load_config("default"), load_card("none"), sound=False)
    words = ("evaluate", "world", "--split", "easy:800000:1", "--run", tmp_path / "run")
    assert call(*words) == 3
    assert "--device cpu" in capsys.readouterr().err


@pytest.mark.slow
def test_tiny_models_need_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rehearsal would fail on a machine whose GPUs are in use; devices would not reach the workers."""
    on(monkeypatch, 0.5, 0.5)
    words = ("evaluate", "world", "--split", "easy:800000:1", "--run", tmp_path / "run", "-c", "tiny")
    assert call(*words) == 0
    manifest = json.loads(next((tmp_path / "run/items").glob("*/manifest.json")).read_text())
    assert manifest["device"] == "cpu"
