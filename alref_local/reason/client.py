"""One exchange with an OpenAI-compatible server: a reply, or an error that says whether it may pass."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from alref_local.errors import AlrefError, AnswerError, BackendError, ConfigError, PrerequisiteError
from alref_local.places import Places
from alref_local.reason.card import Card
from alref_local.reason.endpoint import on_this_machine
from alref_local.reason.question import Usage
from alref_local.reason.reply import Reply, Token

if TYPE_CHECKING:
    from openai import APIError, APIStatusError, AsyncOpenAI

__all__ = ["ChatClient", "Served"]

_CONNECT = 10.0
"""Seconds to wait for a connection."""
_MODERATED = ("content_policy_violation", "content_filter", "invalid_prompt")
"""Codes of a question that is refused for what it asks; the next one may pass."""
_reached: set[str] = set()
"""Endpoints that have replied to this process: if one is gone later, it is restarting rather than never started."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a server says of itself: its version (may be empty) and the models that it serves."""

    version: str
    models: tuple[str, ...]


class ChatClient:
    """The connection that a card describes.

    Args:
        card: the backend card.
        places: bound the exchanges that are under way; by default to ``card.concurrency`` of this connection alone.

    Raises:
        PrerequisiteError: the environment variable that holds the key is not set.
    """

    def __init__(self, card: Card, places: Places | None = None) -> None:
        self.card = card
        self._key = os.environ.get(card.key_env, "").strip() if card.key_env else "none"
        if not (self._key.isascii() and self._key.isprintable() and self._key):
            raise PrerequisiteError(
                f"The backend '{card.name}' needs a key in the environment variable {card.key_env}.",
                hint=f"export {card.key_env}=...",
            )
        self._places = places or Places(card.concurrency)

    async def complete(self, **request: Any) -> Reply:
        """Send one chat request.

        Raises:
            BackendError: no usable reply came.
            PrerequisiteError: no server was ever reached, or it refuses the key.
            ConfigError: the server does not know the model.
        """
        async with self._places:
            begun = time.perf_counter()
            async with self._exchange():
                completion = await self._openai.chat.completions.create(model=self.card.model, **request)
            return self._reply(completion, 1000 * (time.perf_counter() - begun))

    async def served(self) -> Served:
        """What the server is and serves, as vLLM tells it (``/version`` and ``/v1/models``).

        Raises:
            BackendError: no usable reply came.
            PrerequisiteError: no server was ever reached, or it refuses the key.
            ConfigError: the server has no list of models.
        """
        async with self._exchange():
            models = tuple([model.id async for model in self._openai.models.list()])
        try:
            async with self._exchange():
                version = await self._openai.get(self._root + "/version", cast_to=object)
        except AlrefError:
            return Served("", models)  # other servers have none, and need none
        told = version.get("version") if isinstance(version, dict) else None
        return Served(told if isinstance(told, str) else "", models)

    async def close(self) -> None:
        """Close the connections."""
        if "_openai" in self.__dict__:
            await self._openai.close()

    @cached_property
    def _openai(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

        return AsyncOpenAI(
            base_url=self.card.endpoint,
            api_key=self._key,
            max_retries=0,
            timeout=Timeout(self.card.timeout, connect=min(self.card.timeout, _CONNECT)),
            # A redirect would carry pictures elsewhere; a proxy has no business on the loopback.
            http_client=DefaultAsyncHttpxClient(
                follow_redirects=False, trust_env=not on_this_machine(self.card.endpoint)
            ),
        )

    @property
    def _root(self) -> str:
        """Where the server keeps what is not part of the chat API."""
        return self.card.endpoint.rstrip("/").removesuffix("/v1")

    @asynccontextmanager
    async def _exchange(self) -> AsyncGenerator[None]:
        """Bound the time of what is sent inside, and turn every failure into one of ours."""
        from openai import APIError

        try:
            async with asyncio.timeout(self.card.timeout):
                yield
        except TimeoutError:
            raise self._late() from None
        except APIError as error:
            raise self._told(error) from error
        except (
            ValueError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:  # JSON that is none, or another's
            raise self._garbled() from error
        _reached.add(self.card.endpoint)

    def _reply(self, completion: Any, milliseconds: float) -> Reply:
        """Read a completion without trusting its shape: the client library does not check it."""
        try:
            choice, usage = completion.choices[0], completion.usage
            message, finish = choice.message, choice.finish_reason
            text = message.content
            # Both names are in use for what a thinking model thought.
            thought = getattr(message, "reasoning", None) or getattr(message, "reasoning_content", None) or ""
            refusal = getattr(message, "refusal", None)
        except (AttributeError, TypeError, IndexError, KeyError):
            raise self._garbled() from None
        if (
            not isinstance(text, str | None)
            or not isinstance(finish, str | None)
            or not isinstance(thought, str)
        ):
            raise self._garbled()
        if not text and isinstance(refusal, str) and refusal:
            raise AnswerError(f"The model refuses: {_printable(self._clean(refusal))}")
        details = getattr(usage, "prompt_tokens_details", None)
        return Reply(
            text=None if text is None else self._clean(text),
            finish_reason=finish,
            model=self._clean(str(completion.model or "")),
            usage=Usage(
                prompt_tokens=_whole(getattr(usage, "prompt_tokens", None)),
                completion_tokens=_whole(getattr(usage, "completion_tokens", None)),
                cached_tokens=_whole(getattr(details, "cached_tokens", None)),
                stored_tokens=_whole(getattr(details, "cache_write_tokens", None)),
                milliseconds=round(milliseconds, 1),
            ),
            reasoning=self._clean(thought),
            tokens=_tokens(choice),
        )

    def _told(self, error: APIError) -> AlrefError:
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        if isinstance(error, APIStatusError):
            _reached.add(self.card.endpoint)
            return self._status(error)
        away = type(error.__cause__).__name__ in ("ConnectError", "ConnectTimeout")
        if away and self.card.endpoint not in _reached:
            return PrerequisiteError(
                f"No server answers at {self.card.endpoint}.",
                hint=self._start(),
            )
        if isinstance(error, APITimeoutError):
            return self._late()
        if isinstance(error, APIConnectionError):
            return BackendError(
                f"The connection to {self.card.endpoint} broke.", hint=_advice(500), retryable=True
            )
        return self._garbled()

    def _start(self) -> str:
        if self.card.kind == "vllm" and on_this_machine(self.card.endpoint):
            return f"`alref-local serve {self.card.name}` starts it, `alref-local doctor` says what it needs."
        return self.card.serve or "Check the endpoint of the backend card and the network."

    def _status(self, error: APIStatusError) -> AlrefError:
        status = error.status_code
        said = _printable(self._clean(error.message))
        if error.code in _MODERATED:
            return AnswerError(f"{self.card.endpoint} refuses the question: {said}")
        if status == 404 or error.code == "model_not_found":  # a 403, where the key may not use the model
            return ConfigError(
                f"{self.card.endpoint} does not know the model '{self.card.model}' or has no chat API.",
                hint=f"The server says: {said}",
            )
        if status in (401, 403):
            where = f" in {self.card.key_env}" if self.card.key_env else ""
            return PrerequisiteError(
                f"{self.card.endpoint} refuses the key{where} ({status}): {said}",
                hint=f"export {self.card.key_env}=..." if where else "Set key_env in the backend card.",
            )
        return BackendError(
            f"{self.card.endpoint} answered with status {status}: {said}",
            hint=_advice(status),
            retryable=(status in (408, 409, 425, 429) or status >= 500)
            and error.code != "insufficient_quota",
            retry_after=_retry_after(error),
        )

    def _late(self) -> BackendError:
        return BackendError(
            f"{self.card.endpoint} did not reply within {self.card.timeout:g} s.",
            hint="Raise timeout in the backend card, or lower concurrency.",
            retryable=True,
        )

    def _garbled(self) -> BackendError:
        return BackendError(
            f"{self.card.endpoint} sent no chat completion.",
            hint="Check the endpoint of the backend card: another kind of server may be there.",
            retryable=True,
        )

    def _clean(self, text: str) -> str:
        """Without the key, should a server echo it, and without half characters, which cannot be sent on."""
        if self.card.key_env:
            text = text.replace(self._key, "***")
        return text.encode("utf-8", "replace").decode()


def _printable(said: str) -> str:
    """The beginning of another's words, fit for one line of a terminal."""
    return "".join(c if c.isprintable() else " " for c in said)[:300]


def _advice(status: int) -> str:
    """What to do about a status that the server gave."""
    if status == 429:
        return "Lower concurrency in the backend card, or raise its patience."
    if status >= 500:
        return (
            "The server's log says more; if it needs longer to recover, raise patience in the backend card."
        )
    return (
        "Compare the server's limits with max_images, max_tokens and the other numbers of the backend card; "
        "strip.panel and strip.layout make smaller images."
    )


def _retry_after(error: APIStatusError) -> float | None:
    """Seconds that the server asks to wait: ``retry-after-ms``, or ``Retry-After`` as seconds or a date."""
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        after = headers.get("retry-after", "")
        if after.strip().replace(".", "", 1).isdigit():
            return float(after)
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except ValueError:
        return None


def _whole(number: object) -> int | None:
    return number if isinstance(number, int) else None


def _tokens(choice: Any) -> tuple[Token, ...]:
    """The log-probabilities of a choice; nothing where there are none, or where they are not understood."""
    try:
        return tuple(
            Token(
                token.token,
                {token.token: token.logprob} | {top.token: top.logprob for top in token.top_logprobs},
            )
            for token in choice.logprobs.content
        )
    except (AttributeError, TypeError):
        return ()
