"""Ends a process group when the process that started this one lets go of it, or is gone.

``python leash.py GROUP FOLDER`` waits until its standard input is closed, which the death of its parent does
too, then ends the group, asking first, and removes the folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress

GRACE = 10.0
"""Seconds between asking and killing."""


def hold(group: int, folder: str, grace: float = GRACE) -> None:
    """Wait for the end of the input, then end the group and remove the folder."""
    sys.stdin.read()
    _end(group, grace)
    shutil.rmtree(folder, ignore_errors=True)


def _end(group: int, grace: float) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline:
            os.killpg(group, 0)  # raises once nobody is left
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    hold(int(sys.argv[1]), sys.argv[2])
