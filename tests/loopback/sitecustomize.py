"""On PYTHONPATH of a process and its children: none of them leaves this machine, and a file tells who tried."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

_HERE = Path(__file__).parent

runpy.run_path(str(_HERE / "guard.py"))
for _folder in map(Path, sys.path):  # the one that this one hides
    if _folder.resolve() != _HERE.resolve() and (_folder / "sitecustomize.py").is_file():
        runpy.run_path(str(_folder / "sitecustomize.py"))
        break
