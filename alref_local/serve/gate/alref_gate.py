"""Middleware that vLLM loads: nothing but ``/health`` is answered without the key.

vLLM's own key guards the paths under ``/v1`` alone; ``/invocations`` answers questions, too. This file stands by
itself, on the PYTHONPATH of the server, which knows nothing of this package.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]


class Gate:
    """An ASGI application around another."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self._wanted = f"Bearer {os.environ['VLLM_API_KEY']}".encode()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Pass on what may pass."""
        if scope["type"] == "lifespan" or scope.get("path") == "/health" or self._has_key(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"error":"Unauthorized"}'})
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _has_key(self, scope: Message) -> bool:
        given = dict(scope.get("headers", ())).get(b"authorization", b"")
        return secrets.compare_digest(given, self._wanted)
