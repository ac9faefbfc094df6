"""Runs one of the program's commands, and kills itself at a chosen moment between two file operations or chunks.

``python deadly.py ROOT MOMENT WORD...``: moments are counted where files under ROOT are touched and where bytes are
copied; 0 lives on and prints how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from alref_local.cli import main
from alref_local.cli.meters import BytesMeter
from alref_local.supply import copying

_TOUCHING = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}


class _Clock:
    def __init__(self, root: str, moment: int) -> None:
        self.root, self.moment, self.now = root, moment, 0

    def tick(self) -> None:
        self.now += 1
        if self.now == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(self, event: str, words: tuple[Any, ...]) -> None:
        if event in _TOUCHING and str(words[0]).startswith(self.root):
            self.tick()


def run(root: str, moment: int, words: list[str]) -> None:
    clock = _Clock(root, moment)
    copying._CHUNK = 20_000
    BytesMeter.add = lambda *_: clock.tick()  # type: ignore[method-assign]
    sys.addaudithook(clock.hook)
    try:
        main(words)
    finally:
        print(f"moments: {clock.now}", file=sys.stderr)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
