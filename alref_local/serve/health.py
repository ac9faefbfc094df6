"""Whether a server is ready: ``/health`` says so, and ``/v1/models`` names the model."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any, Literal, NamedTuple

__all__ = ["Health", "look"]

_MOST = 1_000_000
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Health(NamedTuple):
    """What a look at a server found.

    Attributes:
        state: ``ready``; ``silent`` if nobody answers; ``sick`` if it answers, but not well; ``other`` if it is well,
            but does not serve the model.
        models: what it serves.
    """

    state: Literal["ready", "silent", "sick", "other"]
    models: tuple[str, ...] = ()


def look(endpoint: str, model: str, key: str = "", *, timeout: float = 5) -> Health:
    """Look at the server of a chat API (its base URL, ending in ``/v1``) once."""
    try:
        _get(endpoint.removesuffix("/v1") + "/health", "", timeout)
        said = json.loads(_get(f"{endpoint}/models", key, timeout))
        models = tuple(str(one["id"]) for one in said["data"])
    except urllib.error.HTTPError as error:
        error.close()
        return Health("sick")
    except (OSError, HTTPException):
        return Health("silent")
    except (ValueError, TypeError, KeyError):
        return Health("other")
    return Health("ready" if model in models else "other", models)


def _get(url: str, key: str, timeout: float) -> bytes:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with _DIRECT.open(urllib.request.Request(url, headers=headers), timeout=timeout) as reply:
        content: Any = reply.read(_MOST)
    return bytes(content)
