"""The GPUs of this machine, or of one that a file describes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alref_local.data_files import first_fault, read_mapping
from alref_local.errors import ConfigError

__all__ = ["GIB", "Gpu", "Host", "load_host", "read_host"]

GIB = 2**30

_SIGNS = ("/proc/driver/nvidia", "/dev/dxg")
"""Of a driver, on Linux and under Windows."""
_HINT = "It says `gpus: [{name: L40S, gib: 48, free_gib: 40, count: 2}]`, and memory_gib if you like."


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; memory in bytes.

    Attributes:
        id: its number in the order of the PCI bus, or the UUID of a part (MIG), as ``CUDA_VISIBLE_DEVICES`` takes it.
        name: of the product.
        total: all memory.
        free: what nobody uses now.
    """

    id: str
    name: str
    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Host:
    """A machine.

    Attributes:
        gpus: those that may be used, in the order in which CUDA numbers them.
        memory: bytes of main memory that are available; ``None`` if nobody knows.
        note: why there are no GPUs, or not all of them.
        mend: the command that makes those readable that are there, or tells more.
    """

    gpus: tuple[Gpu, ...] = ()
    memory: int | None = None
    note: str = ""
    mend: str = ""


class _GpuLine(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = "GPU"
    gib: float = Field(gt=0, allow_inf_nan=False)
    free_gib: float | None = Field(None, ge=0)
    count: int = Field(1, ge=1, le=64)


class _HostFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gpus: list[_GpuLine] = []
    memory_gib: float | None = Field(None, gt=0)


def load_host(file: Path) -> Host:
    """A machine as a YAML file describes it: ``gpus: [{name: L40S, gib: 48, free_gib: 40, count: 2}]``.

    Raises:
        ConfigError: the file cannot be read, or has a wrong field.
    """
    wrong = f"The host file {file} cannot be used"
    try:
        lines = _HostFile.model_validate(read_mapping(file, f"{wrong}: it", "fields", _HINT))
    except ValidationError as error:
        where, why = first_fault(error)
        raise ConfigError(f"{wrong}: {why} at '{where}'.", hint=_HINT) from error
    gpus = [line for line in lines.gpus for _ in range(line.count)]
    return Host(
        tuple(_described(str(number), line) for number, line in enumerate(gpus)),
        None if lines.memory_gib is None else int(lines.memory_gib * GIB),
    )


def _described(id: str, line: _GpuLine) -> Gpu:
    free = line.gib if line.free_gib is None else min(line.free_gib, line.gib)
    return Gpu(id, line.name, int(line.gib * GIB), int(free * GIB))


def read_host() -> Host:
    """This machine, as the NVIDIA driver sees it now; GPUs that ``CUDA_VISIBLE_DEVICES`` hides are left out."""
    try:
        import pynvml as nvml
    except ImportError:
        if not any(Path(sign).exists() for sign in _SIGNS):
            return Host((), _main_memory(), "this machine has no NVIDIA driver")
        return Host((), _main_memory(), "nvidia-ml-py is not installed", 'pip install "alref-local[serve]"')
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        mend = "nvidia-smi" if any(Path(sign).exists() for sign in _SIGNS) else ""
        return Host((), _main_memory(), f"there is no working NVIDIA driver ({error})", mend)
    try:
        return _visible(nvml)
    except nvml.NVMLError as error:
        return Host((), _main_memory(), f"the NVIDIA driver does not answer ({error})", "nvidia-smi")
    finally:
        nvml.nvmlShutdown()


def _visible(nvml: Any) -> Host:
    """What CUDA would see, and what is to be said about the rest."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = nvml.nvmlDeviceGetCount()
    ids = [str(number) for number in range(count)] if allowed is None else allowed.split(",")
    gpus: list[Gpu] = []
    notes: list[str] = []
    mend = ""
    for id in map(str.strip, ids):
        known = id.isdecimal() and int(id) < count
        if not known and not id.startswith(("GPU-", "MIG-")):
            break  # as CUDA does: nothing after a name that is none
        try:
            if gpu := _gpu(nvml, id):
                gpus.append(gpu)
            else:
                notes.append(f"GPU {id} is divided (MIG): name a part of it in CUDA_VISIBLE_DEVICES")
        except nvml.NVMLError as error:  # the others may well work
            notes.append(f"GPU {id} cannot be read ({error})")
            mend = "nvidia-smi"
            if not known:
                break
    if allowed is not None and not gpus and not notes:
        notes.append(f"CUDA_VISIBLE_DEVICES={allowed} hides every GPU")
    return Host(tuple(gpus), _main_memory(), "; ".join(notes), mend)


def _gpu(nvml: Any, id: str) -> Gpu | None:
    """One GPU, or part of one; a whole one by its number, since vLLM before 0.21 ends at UUIDs. ``None``: divided."""
    by_number = id.isdecimal()
    handle = nvml.nvmlDeviceGetHandleByIndex(int(id)) if by_number else nvml.nvmlDeviceGetHandleByUUID(id)
    if not id.startswith("MIG-"):
        if _is_divided(nvml, handle):
            return None
        id = id if by_number else str(nvml.nvmlDeviceGetIndex(handle))
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(id, str(nvml.nvmlDeviceGetName(handle)), int(memory.total), int(memory.free))


def _is_divided(nvml: Any, handle: Any) -> bool:
    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    except nvml.NVMLError:  # most GPUs cannot be
        return False


def _main_memory() -> int | None:
    """Bytes that are available; Linux alone says."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
