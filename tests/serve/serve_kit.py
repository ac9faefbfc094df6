"""Cards, environments and processes for the tests of servers."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

from alref_local.serve.watchdog import birth

ROOT = Path(__file__).parents[2]
FAKE = Path(__file__).with_name("fake_vllm.py")
RUN = "from alref_local.cli import main; main()"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def fake_environment(folder: Path) -> Path:
    """A Python environment in which the command ``vllm`` is the fake one, as far as anybody looks."""
    (folder / "bin").mkdir(parents=True)
    for name, text in {
        "vllm": f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n',
        "python": "#!/bin/sh\necho 0.32.0\n",
    }.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder


def fake_card(folder: Path, how: str = "", *, port: int | None = None) -> Path:
    """A card of a fake server of the bundled tiny model, which behaves in this way."""
    card = {
        "kind": "vllm",
        "model": "tiny",
        "endpoint": f"http://127.0.0.1:{port or free_port()}/v1",
        "serve": f"FAKE={how} FAKE_PIDS={folder / 'pids'} vllm serve tiny:qwen2_vl --max-model-len 512",
        "environment": str(fake_environment(folder / "vllm")),
    }
    file = folder / "fake.yaml"
    file.write_text(yaml.safe_dump(card))
    return file


def pids(folder: Path) -> list[int]:
    """All processes that fake servers ever had: the server, its engine, the engine's child, and so on."""
    file = folder / "pids"
    return list(map(int, file.read_text().split())) if file.exists() else []


def until(true: Callable[[], object], seconds: float = 20) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def all_gone(processes: Iterable[int], seconds: float = 10) -> None:
    """None of the processes lives after so many seconds."""
    processes = list(processes)
    assert processes
    until(lambda: not any(map(birth, processes)), seconds)
