"""Answers that were given before, to the very same question by the very same model, are not asked for again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from alref_local.errors import AnswerError
from alref_local.fingerprint import fingerprint
from alref_local.models.resolve import resolve
from alref_local.reason.cache import AnswerCache
from alref_local.reason.calls import CallLog
from alref_local.reason.card import Card
from alref_local.reason.parse import check
from alref_local.reason.question import Answer, AnswerSpec, Question
from alref_local.seams import Backend

__all__ = ["Cached", "answer_key"]

_ANSWER = TypeAdapter(Answer)


class Cached:
    """Answers from the cache, else asks ``backend`` and keeps what it says; only valid answers are ever kept.

    Args:
        backend: who is asked otherwise.
        card: its card.
        cache: where answers are kept.
        log: a cached answer is a line of it too, so that the run can be replayed.
    """

    def __init__(self, backend: Backend, card: Card, cache: AnswerCache, log: CallLog | None = None) -> None:
        self.name = backend.name
        self._backend = backend
        self._card = card
        self._cache = cache
        self._log = log

    async def ask(self, question: Question) -> Answer:
        """The cached answer, or the backend's; raises what the backend raises."""
        key = answer_key(question, self._card)
        known = _read(self._cache.get(key), question.spec)
        # The card may allow fewer attempts now than it took then.
        if known is not None and known.attempts <= self._card.retries + 1:
            if self._log is not None:
                self._log.write(question, self._card, known.attempts, answer=known, cached=True)
            return known
        answer = await self._backend.ask(question)
        self._cache.put(key, json.dumps(asdict(answer)))
        return answer

    async def close(self) -> None:
        """Release the backend's connections."""
        await self._backend.close()


def answer_key(question: Question, card: Card) -> str:
    """SHA-256 of everything that decides the reply: the model, how it samples, and what it is shown and told."""
    facts = {
        "format": 1,
        "kind": card.kind,
        "endpoint": card.endpoint,
        "weights": _weights(card.model) if card.kind == "local" else None,
        "sampling": card.sampling(),
        "sample": question.address.sample,
        "logprobs": card.logprobs,
        "text": question.text,
        "images": question.image_sha256s,
        "images_first": question.images_first,
        "history": [(turn.text, len(turn.images), turn.reply) for turn in question.history],
        "spec": asdict(question.spec),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@cache
def _weights(model: str) -> list[Any]:
    """A name stays the same when the weights behind it are trained anew."""
    return fingerprint(resolve(model))


def _read(text: str | None, spec: AnswerSpec) -> Answer | None:
    """The answer behind a text of the cache; nothing that it says is taken on trust."""
    if text is None:
        return None
    try:
        answer = _ANSWER.validate_json(text)
        return replace(answer, items=check(list(answer.items), spec))
    except (ValueError, AnswerError):
        return None
