"""A small hub on the loopback: what `huggingface_hub` asks the real one when it downloads, and ways to fail at it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c0ffee" + "0" * 34


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_HEAD(self) -> None:
        self._serve(head=True)

    def do_GET(self) -> None:
        self._serve(head=False)

    def _serve(self, *, head: bool) -> None:
        with self.server.lock:
            self.server.asked.append((self.command, self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        if self.server.status:
            self._answer(self.server.status, b"{}", {})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+?)(?:/(revision|tree)/([^/]+))?", path):
            self._tell(found[1], found[2] or "revision", found[3] or "main")
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(found[1], found[2], found[3], head)
        elif found := re.fullmatch(r"/cdn/([^/]+/[^/]+)/(.+)", path):
            self._send(found[2], self.server.repositories[found[1]][found[2]])
        else:
            self._refuse("RepoNotFound")

    def _known(self, repository: str, revision: str) -> Mapping[str, bytes] | None:
        if repository in self.server.gated:
            self._refuse("GatedRepo", 403)
        elif repository not in self.server.repositories:
            self._refuse("RepoNotFound")
        elif revision not in ("main", COMMIT):
            self._refuse("RevisionNotFound")
        else:
            return self.server.repositories[repository]
        return None

    def _tell(self, repository: str, question: str, revision: str) -> None:
        if (files := self._known(repository, revision)) is None:
            return
        listed = [
            {
                "type": "file",
                "path": name,
                "rfilename": name,
                "size": len(content),
                "oid": blob(content),
                "blobId": blob(content),
                **({"lfs": _pointer(content)} if _large(name) else {}),
            }
            for name, content in files.items()
        ]
        told: Any = listed if question == "tree" else {"id": repository, "sha": COMMIT, "siblings": listed}
        self._answer(200, json.dumps(told).encode(), {})

    def _resolve(self, repository: str, revision: str, name: str, head: bool) -> None:
        files = self._known(repository, revision)
        if files is None:
            return
        if name not in files:
            self._refuse("EntryNotFound")
            return
        content, about = files[name], {"X-Repo-Commit": COMMIT}
        if _large(name):
            about |= {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
            elsewhere = f"http://localhost:{self.server.server_address[1]}/cdn/{repository}/{name}"
            self._answer(302, b"", {**about, "Location": elsewhere})
        elif head:
            self._answer(200, content, {**about, "ETag": f'"{blob(content)}"'}, head=True)
        else:
            self._send(name, content)

    def _send(self, name: str, content: bytes) -> None:
        start = 0
        if found := re.fullmatch(r"bytes=(\d+)-.*", self.headers.get("Range", "")):
            start = int(found[1])
        with self.server.lock:
            self.server.starts.setdefault(name, []).append(start)
            cut = self.server.cuts.get(name, [None]).pop(0) if self.server.cuts.get(name) else None
        if name in self.server.flipped:
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", f'"{sha256(content)}"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start:] if cut is None else content[start : start + cut])
        self.close_connection = True

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str], *, head: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not head and self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, code: str, status: int = 404) -> None:
        self._answer(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class HubServer(ThreadingHTTPServer):
    """Serves ``repositories`` (files by name), each at one commit; a context manager.

    Attributes:
        cuts: by file, after how many bytes each of its next transfers breaks off.
        flipped: files whose last byte is changed on the way.
        gated: repositories that are refused.
        status: answer everything with this error.
        starts: by file, where each transfer began.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, repositories: Mapping[str, Mapping[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories = dict(repositories)
        self.cuts: dict[str, list[int]] = {}
        self.flipped: set[str] = set()
        self.gated: set[str] = set()
        self.status = 0
        self.starts: dict[str, list[int]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is part of the tests."""

    def __enter__(self) -> HubServer:
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


def _large(name: str) -> bool:
    """Large files are kept apart (git LFS), and sent from elsewhere."""
    return name.endswith((".safetensors", ".bin", ".pt"))


def _pointer(content: bytes) -> dict[str, Any]:
    return {"sha256": sha256(content), "oid": sha256(content), "size": len(content), "pointerSize": 134}
