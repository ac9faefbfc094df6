"""The GPUs of this machine and of described ones."""
# ruff: noqa: N802  (the names of NVIDIA's library)

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alref_local.errors import ConfigError
from alref_local.serve import hosts
from alref_local.serve.hosts import GIB, Gpu, load_host, read_host


class NVMLError(Exception):
    """As the driver's library raises it."""


class Driver:
    """NVIDIA's library (nvidia-ml-py, module ``pynvml``) with these GPUs: (name, total, free, divided)."""

    NVMLError = NVMLError

    def __init__(self, *gpus: tuple[str, int, int, bool | None]) -> None:
        self._gpus = gpus
        self.open = 0

    def nvmlInit(self) -> None:
        if not self._gpus:
            raise NVMLError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:
        return self._gpus[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Any:
        if uuid == "GPU-lost":
            raise NVMLError("Not Found")
        return ("part", 10 * GIB, 9 * GIB, None) if uuid.startswith("MIG-") else self._gpus[int(uuid[-1])]

    def nvmlDeviceGetIndex(self, handle: Any) -> int:
        return self._gpus.index(handle)

    def nvmlDeviceGetMigMode(self, handle: Any) -> list[int]:
        if handle[3] is None:
            raise NVMLError("Not Supported")
        return [int(handle[3]), 0]

    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any:
        return SimpleNamespace(total=handle[1], free=handle[2])

    def nvmlDeviceGetName(self, handle: Any) -> str:
        return str(handle[0])


TWO = (("L40S", 48 * GIB, 40 * GIB, None), ("H100", 80 * GIB, 79 * GIB, False))


def with_driver(monkeypatch: pytest.MonkeyPatch, *gpus: tuple[str, int, int, bool | None]) -> Driver:
    driver = Driver(*gpus)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    return driver


@pytest.mark.parametrize(
    ("visible", "ids"),
    [
        (None, ["0", "1"]),
        ("1", ["1"]),
        ("1,0", ["1", "0"]),
        ("0, 1", ["0", "1"]),
        ("", []),
        ("-1", []),
        ("0,7,1", ["0"]),
        ("GPU-1", ["1"]),
        ("GPU-1,GPU-lost,0", ["1"]),
        ("MIG-a", ["MIG-a"]),
    ],
)
def test_hidden_gpus_are_left_out(
    visible: str | None, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of a cluster would take the GPUs of its neighbours."""
    driver = with_driver(monkeypatch, *TWO)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    host = read_host()
    assert [gpu.id for gpu in host.gpus] == ids
    assert bool(host.note) == (not ids or "lost" in str(visible))
    assert driver.open == 0
    if visible is None:
        assert host.gpus[0] == Gpu("0", "L40S", 48 * GIB, 40 * GIB)
        assert host.memory is not None
        assert host.memory > GIB // 8


def test_a_divided_gpu_is_named_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA would refuse the whole of it, or take a part that somebody else was given."""
    with_driver(monkeypatch, ("H100", 80 * GIB, 70 * GIB, True), TWO[0])
    host = read_host()
    assert [gpu.id for gpu in host.gpus] == ["1"]
    assert "GPU 0 is divided" in host.note


def test_no_driver_no_package_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop without a GPU would see a traceback, and nobody would know what to install."""
    with_driver(monkeypatch)
    monkeypatch.setattr(hosts, "_SIGNS", ())
    host = read_host()
    assert (host.note, host.mend) == ("there is no working NVIDIA driver (Driver Not Loaded)", "")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    host = read_host()
    assert (host.gpus, host.note, host.mend) == ((), "this machine has no NVIDIA driver", "")
    monkeypatch.setattr(hosts, "_SIGNS", ("/proc",))
    assert read_host().mend == 'pip install "alref-local[serve]"'
    with_driver(monkeypatch)
    assert read_host().mend == "nvidia-smi"
    with_driver(monkeypatch, *TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-lost")
    host = read_host()
    assert (host.gpus, host.note, host.mend) == ((), "GPU GPU-lost cannot be read (Not Found)", "nvidia-smi")
    monkeypatch.setattr(Driver, "nvmlDeviceGetCount", lambda self: self.nvmlDeviceGetHandleByUUID("GPU-lost"))
    assert "does not answer (Not Found)" in read_host().note


@pytest.mark.parametrize(
    "call", ["nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetName"]
)
def test_a_broken_gpu_does_not_hide_the_others(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fell off the bus would leave a machine of eight without any."""
    with_driver(monkeypatch, *TWO)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    works = getattr(Driver, call)

    def fails(self: Driver, which: Any) -> Any:
        if which in (0, TWO[0]):
            raise NVMLError("GPU is lost")
        return works(self, which)

    monkeypatch.setattr(Driver, call, fails)
    host = read_host()
    assert [gpu.id for gpu in host.gpus] == ["1"]
    assert host.note == "GPU 0 cannot be read (GPU is lost)"


def test_described_hosts(tmp_path: Path) -> None:
    """A machine could not be planned before it is bought."""
    file = tmp_path / "host.yaml"
    file.write_text("gpus: [{name: L40S, gib: 48, free_gib: 40.5, count: 2}, {gib: 8}]\nmemory_gib: 64")
    host = load_host(file)
    assert [gpu.id for gpu in host.gpus] == ["0", "1", "2"]
    assert host.gpus[1] == Gpu("1", "L40S", 48 * GIB, int(40.5 * GIB))
    assert host.gpus[2].free == host.gpus[2].total == 8 * GIB
    assert host.memory == 64 * GIB
    file.write_text("")
    assert load_host(file).gpus == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpus: [{name: L40S}]", "gpus.0.gib"),
        ("gpus: [{gib: -1}]", "greater than 0"),
        ("gpus: [{gib: 8, vram: 9}]", "vram"),
        ("[1]", "not a mapping of fields"),
        ("gpus: [", "cannot be used"),
        ("gpus: [{gib: .inf}]", "finite"),
    ],
)
def test_a_wrong_host_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    """A typing mistake would end in a traceback, or in a plan for another machine."""
    file = tmp_path / "host.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"host\.yaml") as caught:
        load_host(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
