"""Whatever segments videos computes where there is room for it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from alref_local.configs import load_config
from alref_local.errors import PrerequisiteError
from alref_local.reason.card import load_card
from alref_local.serve import devices
from alref_local.serve.devices import devices_for
from alref_local.serve.hosts import GIB, Gpu, Host
from alref_local.session import Session
from tests.cli.kit import call


def on(monkeypatch: pytest.MonkeyPatch, *free: float) -> None:
    """A machine with GPUs of 48 GiB, of which so many GiB each are free."""
    gpus = tuple(Gpu(str(n), "L40S", 48 * GIB, int(gib * GIB)) for n, gib in enumerate(free))
    monkeypatch.setattr(devices, "read_host", lambda: Host(gpus))
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    devices._settled.cache_clear()


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


@pytest.mark.parametrize(
    ("free", "asked", "found"),
    [
        ((), "auto", "auto"),
        ((3,), "auto", "auto"),
        ((4, 47), "auto", "cuda:1"),
        ((47, 47), "auto", "cuda:0"),
        ((4, 47), "cuda:0", "cuda:0"),
        ((4, 47), "cuda", "cuda"),
    ],
)
def test_a_session_keeps_off_the_gpu_of_the_server(
    free: tuple[float, ...], asked: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`segment` would run out of memory beside the server that was started for it, while another GPU is empty."""
    on(monkeypatch, *free)
    with Session("default", "qwen", device=asked, cache=False) as session:
        assert session.device == found
    chosen = asked == "auto" and len(free) > 1
    assert os.environ["CUDA_DEVICE_ORDER"] == ("PCI_BUS_ID" if chosen else "FASTEST_FIRST")


def test_a_process_stays_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second video would go elsewhere, or nowhere, because of the memory that the first one's models hold."""
    on(monkeypatch, 4, 47)
    taken: list[str] = []
    monkeypatch.setattr("alref_local.engine.torch_device", taken.append)
    with Session("default", cache=False) as session:
        session.check()
        monkeypatch.setattr(devices, "read_host", lambda: Host((Gpu("0", "L40S", 48 * GIB, GIB),) * 2))
        with session.beside() as other:
            assert other.device == session.device
    with Session("default", cache=False) as later:
        later.check()
    assert taken == ["cuda:1", "cuda:1"]


def test_models_that_hear_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """There would be room for the others alone."""
    on(monkeypatch, 4, 10, 47)
    monkeypatch.setattr("alref_local.engine.torch_device", lambda name: None)
    for sound, found in ((False, "cuda:1"), (True, "cuda:2")):
        with Session("default", cache=False) as session:
            session.check(sound=sound)
            assert session.device == found


def test_no_room_is_said_by_a_session_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch would say it, in a page, after everything was loaded."""
    on(monkeypatch, 3, 2)
    with (
        Session("default", cache=False) as session,
        pytest.raises(PrerequisiteError, match=r"takes 5\.8 GB") as caught,
    ):
        session.check()
    assert "--device" in caught.value.hint


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
