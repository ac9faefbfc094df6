"""Any OpenAI-compatible chat API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alref_local.places import Places
from alref_local.reason.card import Card
from alref_local.reason.client import ChatClient
from alref_local.reason.question import Question
from alref_local.reason.reply import Correction, Failed, Reply
from alref_local.reason.retry import patiently
from alref_local.reason.wire import messages, sampling, schema_format

__all__ = ["ChatResponder"]

_MOST_ALTERNATIVES = 20
"""Servers give no more log-probabilities than these for one token."""


class ChatResponder:
    """A chat API behind a card: one request a reply, with a strict JSON schema if the card says so.

    Raises:
        PrerequisiteError: the environment variable that holds the key is not set.
    """

    def __init__(self, card: Card, places: Places | None = None) -> None:
        self.card = card
        self._client = ChatClient(card, places)

    async def reply(self, question: Question, corrections: Sequence[Correction], failed: Failed) -> Reply:
        """One reply; see ``Responder``."""
        return await self._send(self._request(question, corrections), failed)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _request(self, question: Question, corrections: Sequence[Correction]) -> dict[str, Any]:
        """The chat request of one question."""
        request = {
            "messages": messages(question, corrections, self.card),
            **sampling(self.card, question.address.sample),
        }
        if self.card.pattern == "json":
            request["response_format"] = schema_format(question)
        if self.card.logprobs:
            request["logprobs"] = True
            request["top_logprobs"] = min(_MOST_ALTERNATIVES, len(question.spec.allowed) + 2)
        return request

    async def _send(self, request: dict[str, Any], failed: Failed) -> Reply:
        """One exchange, tried again while the server fails."""
        return await patiently(
            lambda: self._client.complete(**request),
            patience=self.card.patience,
            backoff=self.card.backoff,
            failed=failed,
        )
