"""The same workers on a Ray cluster: Ray finds them a place, and they report over a connection as any worker does.

The folders of data set and run, and the checkpoints, must have the same paths on all machines.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from alref_local.errors import AlrefError, ConfigError, PrerequisiteError
from alref_local.evaluate.launch import Started
from alref_local.evaluate.worker import Setup, work

__all__ = ["OnRay"]


class OnRay:
    """Joins the cluster of ``RAY_ADDRESS``, or that of this machine; starts one here if there is none.

    Raises:
        PrerequisiteError: Ray is not installed.
        ConfigError: the cluster cannot be joined.
    """

    def __init__(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise PrerequisiteError(
                "A cluster needs the package ray, which is not installed.",
                hint='Run `pip install "alref-local[cluster]"`.',
            ) from error
        self._ray: Any = ray
        try:
            ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"The Ray cluster cannot be joined: {str(error).splitlines()[0]}.",
                hint="RAY_ADDRESS names it, as in 10.0.0.1:6379.",
            ) from error
        self._gpus = int(ray.cluster_resources().get("GPU", 0))
        self._room = self._gpus or int(ray.cluster_resources().get("CPU", 1))
        self._key = secrets.token_bytes(32)  # what comes over the connection is unpickled

    def most(self) -> int | None:
        """One worker for each GPU of the cluster, or one."""
        return self._gpus or 1

    def start(self, setup: Setup, number: int) -> Started:
        """Start a worker wherever there is room.

        Raises:
            ConfigError: the cluster is too small for so many.
            AlrefError: it ended before it reported.
        """
        if number >= self._room:
            what = "GPU(s)" if self._gpus else "CPU(s)"
            raise ConfigError(f"The cluster has {self._room} {what} for workers.", hint="Lower --workers.")
        remote = self._ray.remote(_remote).options(num_cpus=1, num_gpus=min(1, self._gpus), max_retries=0)
        with Listener((self._ray.util.get_node_ip_address(), 0), authkey=self._key) as listener:
            task = remote.remote(listener.address, self._key, setup, number, Path.cwd())
            return _Remote(self._ray, task, self._accepted(listener, task))

    def _accepted(self, listener: Listener, task: Any) -> Connection:
        """The connection of a worker that was just started, however long the cluster takes to place it."""
        found: list[Connection] = []
        waiting = threading.Thread(target=lambda: found.append(listener.accept()), daemon=True)
        waiting.start()
        while waiting.is_alive():
            if self._ray.wait([task], timeout=0.2)[0] and not found:
                raise AlrefError("A worker ended before it began.", hint="Ray's logs say why: `ray logs`.")
        _keep_alive(found[0])
        return found[0]


class _Remote:
    def __init__(self, ray: Any, task: Any, pipe: Connection) -> None:
        self._ray = ray
        self._task = task
        self.pipe = pipe

    def end(self) -> None:
        self.pipe.close()  # which ends it; Ray itself can crash when it cancels what is about to end

    def wait(self, seconds: float) -> None:
        self._ray.wait([self._task], timeout=seconds)

    def why(self) -> str:
        return ""


def _remote(address: Any, key: bytes, setup: Setup, number: int, folder: Path) -> None:
    """Of the worker: relative paths mean what they mean where the evaluation was started."""
    os.chdir(folder)
    with Client(address, authkey=key) as pipe:
        _keep_alive(pipe)
        work(pipe, setup, number)


def _keep_alive(pipe: Connection) -> None:
    """Notice within a minute that the machine at the other end is gone."""
    with socket.socket(fileno=os.dup(pipe.fileno())) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3)):
            one.setsockopt(socket.IPPROTO_TCP, option, value)
