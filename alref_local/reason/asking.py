"""Asking well: every reply is parsed, and an invalid one is asked again with the reason."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from alref_local.errors import AlrefError, AnswerError, ConfigError
from alref_local.reason.calls import CallLog
from alref_local.reason.card import Card
from alref_local.reason.confidence import confidences
from alref_local.reason.parse import parse
from alref_local.reason.question import Answer, Question
from alref_local.reason.reply import Correction, Reply, Responder

__all__ = ["AskingBackend"]


class AskingBackend:
    """A model behind a card. Every exchange goes to ``log``, the failed ones too."""

    def __init__(self, card: Card, responder: Responder, log: CallLog | None = None) -> None:
        self.card = card
        self.name = card.name
        self._responder = responder
        self._log = log

    async def ask(self, question: Question) -> Answer:
        """Answer one question; ``card.retries`` times more if the reply is invalid.

        Raises:
            AnswerError: no reply was valid (``raw`` is the last one), or the question was refused.
            BackendError: the server failed for longer than ``card.patience``.
            PrerequisiteError: no server, the key is refused, or a package or the weights are missing.
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
            answer = self._answer(question, reply, items, attempt)
            self._note(question, attempt, reply=reply, answer=answer)
            return answer
        raise AssertionError("the loop ends by returning or raising")

    async def close(self) -> None:
        """Release the model."""
        await self._responder.close()

    async def _reply(self, question: Question, corrections: list[Correction], attempt: int) -> Reply:
        def failed(error: AlrefError) -> None:
            self._note(question, attempt, error=error)

        try:
            reply = await self._responder.reply(question, corrections, failed)
        except AnswerError as error:
            failed(error)
            raise
        if self.card.prices is None:
            return reply
        return replace(reply, usage=replace(reply.usage, dollars=self.card.prices.dollars(reply.usage)))

    def _answer(self, question: Question, reply: Reply, items: tuple[str, ...], attempt: int) -> Answer:
        return Answer(
            items,
            reply.raw or "",
            confidences=confidences(reply.tokens, question.spec),
            model=reply.model,
            usage=reply.usage,
            attempts=attempt,
        )

    def _note(
        self,
        question: Question,
        attempt: int,
        *,
        reply: Reply | None = None,
        answer: Answer | None = None,
        error: AlrefError | None = None,
    ) -> None:
        if self._log is not None:
            self._log.write(question, self.card, attempt, reply=reply, answer=answer, error=error)
