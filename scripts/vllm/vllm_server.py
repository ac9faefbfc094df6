"""A real vLLM server on this machine's CPU, for tests and measurements: started, watched, and surely stopped."""

from __future__ import annotations

import os
import re
import shlex
import socket
import tempfile
import time
from pathlib import Path

from alref_local.reason.card import Card
from alref_local.serve.command import command, environment
from alref_local.serve.health import look
from alref_local.serve.hosts import Host
from alref_local.serve.line import ServeLine
from alref_local.serve.placement import Placement, Server
from alref_local.serve.process import ServerProcess
from alref_local.serve.program import find_vllm

__all__ = ["KEY", "MODEL", "VENV", "VllmServer", "why_not"]

MODEL = "tiny"
"""Name of the served model."""
KEY = "a-key-for-tests"
"""What the server wants to see."""
VENV = Path(os.environ.get("VLLM_VENV") or Path(__file__).parents[2] / ".venv-vllm").absolute()
"""Where vLLM is."""

_PATIENCE = 200.0
"""Seconds until a server must be ready: twenty on an idle machine."""
_VARIABLES = (
    *("VLLM_CPU_KVCACHE_SPACE=1", "VLLM_CPU_OMP_THREADS_BIND=nobind", "OMP_NUM_THREADS=1"),
    "TORCHDYNAMO_DISABLE=1",  # or else the first log-probabilities take twenty seconds of compiling
)
_OPTIONS = (
    *("--dtype", "bfloat16", "--max-model-len", "4096", "--max-num-seqs", "32", "--enforce-eager"),
    "--no-enable-chunked-prefill",  # on a CPU, a seed and a prompt in pieces end the engine
)


def why_not() -> str | None:
    """Why no server can be started here, or ``None`` if one can."""
    if (VENV / ".installed").exists():
        return None
    return f"there is no vLLM in {VENV.name} (`make vllm` installs it where it can be had)"


class VllmServer:
    """A server of the checkpoint in ``model`` on a free port of the loopback; a context manager.

    All its processes end with this process, however that ends.

    Attributes:
        url: base URL of its chat API.

    Raises:
        RuntimeError: it did not get ready; the message ends with its log's last lines.
    """

    def __init__(self, model: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"
        self._folder = tempfile.TemporaryDirectory(prefix="alref-vllm-")
        self._log = Path(self._folder.name) / "log"
        line = shlex.join([*_VARIABLES, "vllm", "serve", str(model), *_OPTIONS, *options])
        card = Card(
            name="test",
            kind="vllm",
            model=MODEL,
            endpoint=self.url,
            serve=line,
            max_images=4,
            environment=str(VENV),
        )
        placed = Placement("processor", Host(), Server(()))
        program = find_vllm(card).command
        words = command(card, placed, program=program, model=model, host="127.0.0.1", port=port, guarded=True)
        self._server = ServerProcess(words, environment(ServeLine.of(card), placed, KEY), self._log)

    def __enter__(self) -> VllmServer:
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the one that answers requests."""
        return self._server.pid

    def stop(self) -> None:
        """End all its processes and remove what they left; fine to call twice."""
        self._server.stop()
        self._folder.cleanup()

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def requests(self, path: str) -> int:
        """How many requests for a path it has answered."""
        return len(re.findall(rf'"[A-Z]+ {re.escape(path)} HTTP', self.log()))

    def worker(self) -> int:
        """Process id of the one that computes."""
        return int(re.findall(r"\(Worker pid=(\d+)\)", self.log())[-1])

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self._server.poll() is None and time.monotonic() < deadline:
            if look(self.url, MODEL, KEY).state == "ready":
                return
            time.sleep(0.2)
        raise RuntimeError(f"vLLM did not get ready. Its log ends:\n{self.log()[-3000:]}")
