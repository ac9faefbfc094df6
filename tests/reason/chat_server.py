"""A small chat server on the loopback that says and breaks what a script tells it to."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from alref_local.errors import AlrefError
from alref_local.reason.backends import make_backend
from alref_local.reason.calls import CallLog
from alref_local.reason.card import Card
from alref_local.reason.question import Address, Answer, AnswerSpec, ImagePart, Question
from alref_local.seams import Backend


class Handler(BaseHTTPRequestHandler):
    """One connection; every request is kept, then the next act of the script is played."""

    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_POST(self) -> None:
        """Take a request."""
        self.asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.requests.append(self.asked)
            self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.server.paths.append(self.path)
            act = self.server.script.pop(0) if self.server.script else self.server.then
            self.server.now += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.now)
        try:
            act(self)
        finally:
            with self.server.lock:
                self.server.now -= 1

    def do_GET(self) -> None:
        """Say who is served here, as vLLM does."""
        with self.server.lock:
            self.server.looks.append(self.path)
        told: dict[str, Any] = {"version": self.server.version}
        if self.path.endswith("/models"):
            told = {
                "object": "list",
                "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "me"}],
            }
        self.answer(200, json.dumps(told).encode())

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Send a whole response."""
        self.send_response(status)
        for name, value in {"content_type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


Act = Callable[[Handler], None]


class ChatServer(ThreadingHTTPServer):
    """Plays ``script`` act by act, then ``then`` for ever; a context manager."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *script: Act, then: Act | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = list(script)
        self.then = then or says("[1]")
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.looks: list[str] = []
        self.version = "0.32.0"
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.now = self.most_at_once = 0

    @property
    def url(self) -> str:
        """Base URL of the chat API."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is part of the tests."""

    def __enter__(self) -> ChatServer:
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


def completion(content: Any, finish_reason: Any = "stop") -> dict[str, Any]:
    """A chat completion as servers send it."""
    message = {"role": "assistant", "content": content}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "served-model",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    }


def says(content: Any, finish_reason: Any = "stop") -> Act:
    """Reply with this content."""
    return sends(json.dumps(completion(content, finish_reason)).encode())


def refuses(words: str) -> Act:
    """Reply as OpenAI's models do under a strict schema when they will not answer."""
    reply = completion(None)
    reply["choices"][0]["message"]["refusal"] = words
    return sends(json.dumps(reply).encode())


def thinks(reasoning: str, content: str | None) -> Act:
    """Reply as vLLM with a reasoning parser does."""
    reply = completion(content)
    reply["choices"][0]["message"]["reasoning"] = reasoning
    return sends(json.dumps(reply).encode())


def sends(body: bytes, **headers: str) -> Act:
    """Reply with status 200 and these bytes."""
    return lambda handler: handler.answer(200, body, **headers)


def status(code: int, message: str = "scripted", error_code: str | None = None, **headers: str) -> Act:
    """Reply with an error in OpenAI's form."""
    body = json.dumps(
        {"error": {"message": message, "type": "t", "param": None, "code": error_code}}
    ).encode()
    return lambda handler: handler.answer(code, body, **headers)


def stalls(handler: Handler) -> None:
    """Say nothing until the server closes."""
    handler.server.closing.wait(30)
    handler.close_connection = True


def drips(handler: Handler) -> None:
    """Send one byte at a time, so that no single read is ever late."""
    handler.send_response(200)
    handler.send_header("content-length", "100000")
    handler.end_headers()
    while not handler.server.closing.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def halves(handler: Handler) -> None:
    """Cut the connection in the middle of the body."""
    body = json.dumps(completion("[1]")).encode()
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def resets(handler: Handler) -> None:
    """Cut the connection before anything is said."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def question(
    spec: AnswerSpec | None = None, *, clip: int = 0, text: str = "Which frame?", **changes: Any
) -> Question:
    """A question with one small image."""
    return Question(
        step="pivot_frame",
        text=text,
        images=(ImagePart(b"\xff\xd8 not really a picture"),),
        spec=spec or AnswerSpec(("1", "2", "3")),
        address=Address("video", "dog", "pivot_frame", clip),
        prompt_set="test",
        **changes,
    )


def card_for(server: ChatServer | str, **changes: Any) -> Card:
    """A card for a server, with short waits."""
    url = server if isinstance(server, str) else server.url
    quick = {"timeout": 5, "patience": 5, "backoff": 0.001, "retries": 1}
    return Card.model_validate(
        {"name": "test", "kind": "openai", "model": "m", "endpoint": url, **quick, **changes}
    )


def ask(
    card: Card, *questions: Question, log: CallLog | None = None, **options: Any
) -> list[Answer | AlrefError]:
    """Ask all questions at once; errors come back in place of answers."""

    async def together(backend: Backend) -> list[Answer | AlrefError]:
        async def one(asked: Question) -> Answer | AlrefError:
            try:
                return await backend.ask(asked)
            except AlrefError as error:
                return error

        try:
            return await asyncio.gather(*(one(asked) for asked in questions))
        finally:
            await backend.close()

    return asyncio.run(together(make_backend(card, log=log, **options)))
