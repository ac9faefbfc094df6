"""A server's processes, as seen from whoever wants them: started under a watchdog, ended to the last one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from alref_local.errors import PrerequisiteError
from alref_local.offline import child_environment
from alref_local.serve import watchdog

__all__ = ["ServerProcess", "sweep"]

_UNWANTED = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
"""Of the caller's Python, which is another one than the server's."""


class ServerProcess:
    """A running command, with everything that it starts.

    It ends with this process, however that ends: a watchdog outlives it by seconds.

    Args:
        command: its words.
        environment: laid over that of this process.
        log: what it writes is appended there.
        grace: seconds that its processes have to end when they are asked to.

    Attributes:
        pid: process id of the command.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        grace: float = watchdog.GRACE,
    ) -> None:
        if sys.platform != "linux":
            raise PrerequisiteError(
                "Servers are kept on Linux alone.", hint="Start vLLM by hand, with the card's serve line."
            )
        self.log, self._grace = log, grace
        inherited = child_environment(offline=True)  # what it serves is a folder
        for name in _UNWANTED:
            inherited.pop(name, None)
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", watchdog.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._watchdog.stdin is not None
        assert self._watchdog.stdout is not None
        order = {
            "command": list(command),
            "environment": {**inherited, **environment},
            "log": str(log.absolute()),
            "grace": grace,
        }
        with suppress(BrokenPipeError):
            self._watchdog.stdin.write(json.dumps(order).encode() + b"\n")
            self._watchdog.stdin.flush()
        self.pid = int(self._watchdog.stdout.readline() or 0)

    def poll(self) -> int | None:
        """Its exit code if it has ended, and everything that it started with it; killed, 128 and the signal."""
        code = self._watchdog.poll()
        if code is None:
            return None
        self._let_go()
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """End it, and everything that it started; fine to call twice."""
        self._let_go()
        try:
            self._watchdog.wait(self._grace + 10)
        except subprocess.TimeoutExpired:
            self._watchdog.kill()
            self._watchdog.wait()
        sweep(self.log, self._grace)

    def _let_go(self) -> None:
        for pipe in (self._watchdog.stdin, self._watchdog.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        if self._watchdog.poll() is not None:
            sweep(self.log, self._grace)  # where the watchdog itself was killed


def sweep(log: Path, grace: float = watchdog.GRACE) -> int:
    """End whatever still writes to a server's log although nobody keeps it; how many there were."""
    found = _writers(log)
    if found:
        watchdog.end(lambda: _writers(log), grace)
    return len(found)


def _writers(log: Path) -> list[int]:
    """Living processes whose output goes to the file; those of other users do not show it."""
    wanted = str(log.resolve())  # as the kernel names it, where the state's folder lies behind a link
    return [
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if any(_leads_to(folder / "fd" / number, wanted) for number in ("1", "2"))
    ]


def _leads_to(link: Path, wanted: str) -> bool:
    try:
        return str(link.readlink()) == wanted
    except OSError:
        return False
