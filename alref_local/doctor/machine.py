"""Checks of the machine: Python and its packages, torch, GPUs, codecs, disk."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import numpy as np

from alref_local.doctor.findings import Finding, Subject
from alref_local.models.store import models_dir
from alref_local.serve.reasons import gb

__all__ = ["codecs", "disk", "gpus", "python", "torch"]

_LEAST = 2_000_000_000
"""Bytes of a disk below which a run may fail."""
_DECODERS = ("h264", "hevc", "vp9", "av1", "aac", "opus")
_ASK_TORCH = """
import json, torch
gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
print(json.dumps([torch.__version__, torch.version.cuda, gpus]))
"""


def python(subject: Subject) -> Finding:
    """The interpreter, and the packages that this program and its backend need."""
    wanted = {"local"} if subject.card.kind == "local" else set()
    missing = [line for line in requires("alref-local") or () if not _satisfied(line, wanted)]
    here = f"Python {platform.python_version()}, alref-local {version('alref-local')}"
    if missing:
        names = [line.partition(";")[0].strip() for line in missing]
        packages = " ".join(f'"{name}"' for name in names)
        return Finding(
            "python", False, f"{here}; missing or too old: {', '.join(names)}", f"pip install {packages}"
        )
    return Finding("python", True, f"{here}, all packages")


def torch(subject: Subject) -> Finding:
    """What PyTorch makes of the GPUs; asked in a process of its own, which may crash or be slow."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return Finding(
            "torch", False, f"it cannot be imported: {last[:200]}", "pip install --force-reinstall torch"
        )
    number, cuda, seen = json.loads(done.stdout.strip().splitlines()[-1])
    said = f"{number}, {f'CUDA {cuda}' if cuda else 'for the processor'}, sees {seen} GPUs"
    if subject.host.gpus and not seen:
        why = "the driver is older than its CUDA" if cuda else "it is built for the processor"
        return Finding(
            "torch",
            False,
            f"{said}, but the driver has {len(subject.host.gpus)}: {why}",
            "Install a build of PyTorch for a CUDA that the driver supports (`nvidia-smi` names it).",
        )
    return Finding("torch", True, said)


def gpus(subject: Subject) -> Finding:
    """The GPUs, and what is free of their memory."""
    host = subject.host
    if host.gpus:
        listed = ", ".join(
            f"{gpu.id}: {gpu.name} {gb(gpu.free)} of {gb(gpu.total)} free" for gpu in host.gpus
        )
        return Finding("gpus", True, listed + (f"; {host.note}" if host.note else ""))
    if host.mend:
        return Finding("gpus", False, host.note, host.mend)
    return Finding("gpus", True, "none: all is computed on the processor, slowly")


def codecs() -> Finding:
    """Whether videos can be read and written: some frames there and back, and the decoders that people's need."""
    import av

    from alref_local.media import open_video
    from alref_local.media.encode import write_video

    number = av.__version__
    lacking = [name for name in _DECODERS if not _decodes(name)]
    with tempfile.TemporaryDirectory(prefix="alref-doctor-") as folder:
        file = Path(folder) / "frames.mp4"
        write_video(file, np.full((3, 32, 48, 3), 90, np.uint8), 10.0)
        with open_video(file) as video:
            seen = video.frames([0, 2])
    if lacking or abs(int(seen.mean()) - 90) > 5:
        what = f"no decoder for {', '.join(lacking)}" if lacking else "frames come back changed"
        return Finding("codecs", False, f"PyAV {number}: {what}", 'pip install --force-reinstall "av>=18"')
    return Finding("codecs", True, f"PyAV {number}: {', '.join(_DECODERS)}; writes H.264")


def disk() -> Finding:
    """Room for weights, and where the command was typed."""
    places = {"weights": _existing(models_dir()), "here": Path.cwd()}
    free = {what: shutil.disk_usage(place).free for what, place in places.items()}
    said = ", ".join(f"{gb(size)} free for {what} in {places[what]}" for what, size in free.items())
    full = [what for what, size in free.items() if size < _LEAST]
    closed = [what for what, place in places.items() if what == "here" and not os.access(place, os.W_OK)]
    if full:
        return Finding("disk", False, said, "Make room, or set ALREF_MODELS and -o to another disk.")
    if closed:
        return Finding("disk", False, f"{places['here']} cannot be written", "Name an output folder with -o.")
    return Finding("disk", True, said)


def _satisfied(line: str, extras: set[str]) -> bool:
    """Whether a requirement of this package is met, or does not concern us."""
    from packaging.requirements import Requirement

    wanted = Requirement(line)
    if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
        return True
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _decodes(name: str) -> bool:
    from av.codec import Codec

    try:
        Codec(name, "r")
    except ValueError:
        return False
    return True


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())
