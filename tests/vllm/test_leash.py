"""The test server's processes end with whoever started them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import leash

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
STARTER = """
import subprocess, sys, time
stubborn, folder = sys.argv[1:]
server = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE, start_new_session=True)
children = server.stdout.readline().decode()
leash = f"import leash; leash.hold({server.pid}, {folder!r}, grace=0.5)"
subprocess.Popen([sys.executable, "-c", leash], stdin=subprocess.PIPE, start_new_session=True)
print(server.pid, children, flush=True)
time.sleep(60)
"""


def is_gone(process: int) -> bool:
    """Whether a process has ended, buried or not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_killed_starter_takes_its_server_along(tmp_path: Path) -> None:
    """Servers of three gigabytes would pile up on the machine of whoever interrupts the tests."""
    folder = tmp_path / "of the server"
    folder.mkdir()
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, STUBBORN, str(folder)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(leash.__file__).parent)},
    )
    assert starter.stdout is not None
    processes = [int(number) for number in starter.stdout.readline().split()]
    starter.stdout.close()
    assert not any(is_gone(process) for process in processes)
    starter.kill()
    starter.wait()
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert all(is_gone(process) for process in processes)
    assert not folder.exists()
