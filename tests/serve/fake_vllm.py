"""A stand-in for the command ``vllm``: it takes the same words, answers ``/health`` and ``/v1/models``, and misbehaves.

``FAKE`` says how: ``exits`` (with an error, at once), ``silent`` (never ready), ``other`` (serves another model),
``dies`` (a second after it was ready), ``sick`` (unwell after it was ready), ``stubborn`` (neither it nor its children
end when asked). It has an engine as vLLM does, a child that outlives it, with a child of its own that leaves the
session. Process ids are appended to the file ``FAKE_PIDS``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOW = os.environ.get("FAKE", "")
ENGINE = """
import os, subprocess, sys, time
worker = "import os, time; os.setsid(); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
os.dup2(2, 1)
time.sleep(600)
"""


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def start_engine() -> list[int]:
    engine = subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE)
    assert engine.stdout is not None
    return [engine.pid, int(engine.stdout.readline())]


class Handler(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        Handler.asked += 1
        status = 503 if HOW == "sick" and Handler.asked > 6 else 200
        name = "another" if HOW == "other" else option("--served-model-name")
        body = json.dumps({"data": [{"id": name}]}).encode() if self.path == "/v1/models" else b""
        key = os.environ.get("VLLM_API_KEY", "")
        if self.path == "/v1/models" and key and self.headers["Authorization"] != f"Bearer {key}":
            status, body = 401, b""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)
        if HOW == "dies" and self.path == "/v1/models":
            threading.Timer(1, os._exit, [3]).start()

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    if HOW == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # children inherit it
    pids = [os.getpid(), *start_engine()]
    with Path(os.environ["FAKE_PIDS"]).open("a") as file:
        file.write(" ".join(map(str, pids)) + "\n")
    print("(APIServer pid=1) INFO 11-28 08:44:42 [launcher.py:195] hello", flush=True)
    if HOW == "exits":
        print("(EngineCore pid=2) ERROR 11-28 08:45:56 [core.py:1] ValueError: the dog ate it", flush=True)
        print("RuntimeError: Engine core initialization failed. See root cause above.", flush=True)
        sys.exit(1)
    if HOW == "silent":
        time.sleep(600)
    ThreadingHTTPServer((option("--host"), int(option("--port"))), Handler).serve_forever()


if __name__ == "__main__":
    main()
