"""Any OpenAI-compatible chat API: asks, parses, and asks again with the reason when a reply is no answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from alref_local.errors import AlrefError, AnswerError, ConfigError
from alref_local.reason.calls import CallLog
from alref_local.reason.card import Card
from alref_local.reason.client import ChatClient, Reply
from alref_local.reason.parse import parse
from alref_local.reason.question import Answer, Question, Usage
from alref_local.reason.retry import patiently
from alref_local.reason.wire import Correction, messages, sampling, schema_format

__all__ = ["OpenAIBackend"]


class OpenAIBackend:
    """A chat API behind a card. Every exchange goes to ``log``, the failed ones too."""

    def __init__(self, card: Card, log: CallLog | None = None) -> None:
        self.card = card
        self.name = card.name
        self._client = ChatClient(card)
        self._log = log

    async def ask(self, question: Question) -> Answer:
        """Answer one question; ``card.retries`` times more if the reply is invalid.

        Raises:
            AnswerError: no reply was valid; ``raw`` is the last one.
            BackendError: the server failed for longer than ``card.patience``.
            PrerequisiteError: no server, or the key is refused.
            ConfigError: the question has more images than the card allows, or the model is unknown.
        """
        if (images := len(question.image_sha256s)) > self.card.max_images:
            raise ConfigError(
                f"The backend '{self.name}' takes {self.card.max_images} images, a question has {images}.",
                hint="Set strip.layout to horizontal, or max_images in the backend card.",
            )
        corrections: list[Correction] = []
        for attempt in count(1):
            reply = await self._reply(question, corrections, attempt)
            try:
                items = parse(reply.text, question.spec, reply.finish_reason)
            except AnswerError as error:
                self._note(question, attempt, reply=reply, error=error)
                if attempt > self.card.retries:
                    raise
                corrections.append(Correction(reply.text or "", str(error)))
                continue
            self._note(question, attempt, reply=reply, answer=items)
            return Answer(items, reply.text or "", model=reply.model, usage=_usage(reply), attempts=attempt)
        raise AssertionError("the loop ends by returning or raising")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _reply(self, question: Question, corrections: Sequence[Correction], attempt: int) -> Reply:
        """One reply to the question; how it is constrained depends on the card's pattern."""
        return await self._send(question, attempt, self._request(question, corrections))

    def _request(self, question: Question, corrections: Sequence[Correction]) -> dict[str, Any]:
        """The chat request of one question."""
        request = {"messages": messages(question, corrections, self.card), **sampling(self.card)}
        if self.card.pattern == "json":
            request["response_format"] = schema_format(question)
        return request

    async def _send(self, question: Question, attempt: int, request: dict[str, Any]) -> Reply:
        """One exchange, tried again while the server fails; failures are logged as they come."""
        return await patiently(
            lambda: self._client.complete(**request),
            patience=self.card.patience,
            backoff=self.card.backoff,
            failed=lambda error: self._note(question, attempt, error=error),
        )

    def _note(
        self,
        question: Question,
        attempt: int,
        *,
        reply: Reply | None = None,
        answer: tuple[str, ...] | None = None,
        error: AlrefError | None = None,
    ) -> None:
        if self._log is not None:
            self._log.write(
                question,
                backend=self.name,
                sampling=self.card.sampling(),
                attempt=attempt,
                model=reply.model if reply else self.card.model,
                raw=reply.text if reply else None,
                answer=answer,
                error=error,
                usage=_usage(reply) if reply else None,
            )


def _usage(reply: Reply) -> Usage:
    return Usage(reply.prompt_tokens, reply.completion_tokens, reply.milliseconds)
