"""What an interrupted run already asked is not asked again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from alref_local.errors import AnswerError
from alref_local.reason.card import Card
from alref_local.reason.parse import check
from alref_local.reason.question import Answer, Question
from alref_local.reason.replay import recorded_answers
from alref_local.seams import Backend

__all__ = ["Resumed"]


class Resumed:
    """Answers from the call log of the run itself where the very same question was answered, else asks ``backend``.

    Args:
        backend: who is asked otherwise.
        card: its card; replies that came under another model or other sampling parameters do not count.
        run: the run folder.
    """

    def __init__(self, backend: Backend, card: Card, run: Path) -> None:
        self.name = backend.name
        self._backend = backend
        self._answers = recorded_answers(run, card)

    async def ask(self, question: Question) -> Answer:
        """The recorded answer, if it is valid for what is asked now, or the backend's."""
        known = self._answers.get((question.address, question.prompt_sha256, tuple(question.image_sha256s)))
        if known is not None:
            with suppress(AnswerError):  # the same words may allow fewer answers than they did
                return replace(known, items=check(list(known.items), question.spec))
        return await self._backend.ask(question)

    async def close(self) -> None:
        """Release the backend's connections."""
        await self._backend.close()
