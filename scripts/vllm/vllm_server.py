"""A real vLLM server on this machine's CPU, for tests and measurements: started, watched, and surely stopped."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import leash

__all__ = ["KEY", "MODEL", "VllmServer", "why_not"]

MODEL = "tiny"
"""Name of the served model."""
KEY = "a-key-for-tests"
"""What the server wants to see under ``/v1``."""

_HERE = Path(__file__).parent
_VENV = Path(os.environ.get("VLLM_VENV") or _HERE.parents[1] / ".venv-vllm").absolute()
_PATIENCE = 200.0
"""Seconds until a server must be ready: twenty on an idle machine."""


def why_not() -> str | None:
    """Why no server can be started here, or ``None`` if one can."""
    if (_VENV / ".installed").exists():
        return None
    return f"there is no vLLM in {_VENV.name} (`make vllm` installs it where it can be had)"


class VllmServer:
    """A server of the checkpoint in ``model`` on a free port of the loopback; a context manager.

    All its processes are one group, which ends with this process, however that ends.

    Attributes:
        url: base URL of its chat API.
        group: id of its processes' group.

    Raises:
        RuntimeError: it did not get ready; the message ends with its log's last lines.
    """

    def __init__(self, model: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"
        self._folder = Path(tempfile.mkdtemp(prefix="alref-vllm-"))
        self._log = self._folder / "log"
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                _command(model, port, options),
                env=_environment(self._folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.group = self._server.pid
        self._leash = subprocess.Popen(
            [sys.executable, leash.__file__, str(self.group), self._folder],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def __enter__(self) -> VllmServer:
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End all its processes and remove what they left; fine to call twice."""
        assert self._leash.stdin is not None
        self._leash.stdin.close()
        self._server.wait()
        self._leash.wait()

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def requests(self, path: str) -> int:
        """How many requests for a path it has answered."""
        return len(re.findall(rf'"[A-Z]+ {re.escape(path)} HTTP', self.log()))

    def worker(self) -> int:
        """Process id of the one that computes."""
        return int(re.findall(r"\(Worker pid=(\d+)\)", self.log())[-1])

    def kill(self) -> None:
        """End all its processes at once."""
        leash.kill(self.group)

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self._server.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.root}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"vLLM did not get ready. Its log ends:\n{self.log()[-3000:]}")


def _command(model: Path, port: int, options: tuple[str, ...]) -> list[str]:
    fixed = (
        f"--host 127.0.0.1 --port {port} --served-model-name {MODEL} --dtype bfloat16 --max-model-len 4096 "
        "--max-num-seqs 32 --enforce-eager --seed 0 --enable-prompt-tokens-details "
        "--no-enable-chunked-prefill"  # on a CPU, a seed and a prompt in pieces end the engine
    )
    return [
        *(str(_VENV / "bin/python"), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)),
        *fixed.split(),
        *("--limit-mm-per-prompt", '{"image": 4, "video": 0}'),
        *options,
    ]


def _environment(folder: Path) -> dict[str, str]:
    """The caller's environment without its packages and proxies, and with all traffic on the loopback."""
    kept = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "PYTHONPATH": str(_HERE / "shim"),
        "TMPDIR": str(folder),
        "VLLM_API_KEY": KEY,
        "VLLM_CACHE_ROOT": str(_VENV / "cache"),
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_HOST_IP": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        "TORCHDYNAMO_DISABLE": "1",  # or else the first log-probabilities take twenty seconds of compiling
        **dict.fromkeys(
            ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"), "1"
        ),
    }
