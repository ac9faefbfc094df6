"""Keeps a server as long as whoever started this process holds on to it, and leaves nothing of it behind.

Run by its path, with nothing but Python's own library, so that it is small. It reads one line of JSON from its standard
input (``command``, ``environment``, ``log``, ``grace``), starts the command, prints its process id, and waits for the
first of these: the end of its input, which the death of its parent is, too; a signal; the end of the command. Then it
ends everything that descends from the command: the kernel gives it the orphans among them. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["GRACE", "birth", "descendants", "end"]

GRACE = 4.0
"""Seconds between asking and killing."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None)


def main() -> int:
    """Keep a server; its exit code."""
    order = json.loads(sys.stdin.buffer.readline())
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    with (
        TemporaryDirectory(prefix="alref-serve-", ignore_cleanup_errors=True) as folder,
        Path(order["log"]).open("ab") as log,
    ):
        try:
            server = subprocess.Popen(
                order["command"],
                env={**order["environment"], "TMPDIR": folder},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        except OSError as error:
            log.write(f"{order['command'][0]} cannot be started: {error}\n".encode())
            return 127
        print(server.pid, flush=True)
        code = _wait(server.pid)
        for asking in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asking, signal.SIG_IGN)
        end(lambda: _living(server.pid), order["grace"])
        server.returncode = code if code is not None else 0  # it was waited for here
        return server.returncode if server.returncode >= 0 else 128 - server.returncode


def end(find: Callable[[], list[int]], grace: float) -> None:
    """End all processes that ``find`` finds: ask, wait, kill.

    Python's resource trackers are killed last: they free shared memory when all others are gone.
    """
    for process in find():
        _signal(process, signal.SIGTERM)
    _until(lambda: not find(), grace)
    _until(lambda: not _killed(find(), spare=True), 2)
    _until(lambda: not _killed(find(), spare=False), 3)


def descendants(process: int) -> list[int]:
    """The living processes that were started by a process, by its children, and so on."""
    parents = {int(path.parent.name): _stat(path) for path in Path("/proc").glob("[0-9]*/stat")}
    found, ring = [], {process}
    while ring:
        ring = {child for child, said in parents.items() if said[1:2] and int(said[1]) in ring}
        found += [child for child in ring if parents[child][0] != b"Z"]
    return found


def birth(process: int) -> int:
    """When a process began, in clock ticks since the machine did; 0 if there is none. Two of one id differ in it."""
    said = _stat(Path(f"/proc/{process}/stat"))
    return int(said[19]) if len(said) > 19 and said[0] != b"Z" else 0


def _wait(server: int) -> int | None:
    """Until the server ends (its exit code), or somebody asks for its end."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        while True:
            asked, _, _ = select.select([0], [], [], 0.5)
            if (code := _buried(server)) is not None or asked:
                return code
    except KeyboardInterrupt:
        return None


def _living(server: int) -> list[int]:
    _buried(server)
    return descendants(os.getpid())


def _buried(server: int) -> int | None:
    """Wait for all children that have ended, adopted ones too; the server's exit code if it was among them."""
    code = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == server:
                code = os.waitstatus_to_exitcode(ended[1])
    return code


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _killed(found: list[int], *, spare: bool) -> list[int]:
    """Those of the processes that were to be killed now."""
    doomed = [one for one in found if not (spare and b"resource_tracker" in _read(f"/proc/{one}/cmdline"))]
    for process in doomed:
        _signal(process, signal.SIGKILL)
    return doomed if doomed or not spare else found


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def _stat(path: Path) -> list[bytes]:
    """State, parent, group and so on; nothing of a process that has just ended."""
    return _read(path).rpartition(b")")[2].split()


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _until(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
