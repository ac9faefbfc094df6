"""Self-consistency: a question is asked several times, and the answer that most of the replies give counts.

Wang et al., *Self-Consistency Improves Chain of Thought Reasoning in Language Models*, section 2. Whole answers are
counted, as sets: [1, 2] and [2, 1] say the same, [1] says something else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from alref_local.errors import AnswerError, ConfigError
from alref_local.reason.card import Card
from alref_local.reason.question import Answer, Question
from alref_local.seams import Backend

__all__ = ["Voting", "majority", "voter"]


def voter(card: Card, repeat: int) -> Card:
    """The card with which a question is asked ``repeat`` times: not at temperature 0, where all replies are one.

    Raises:
        ConfigError: nobody is asked.
    """
    if repeat > 1 and card.kind == "none":
        raise ConfigError(
            f"The backend '{card.name}' is never asked, let alone {repeat} times.",
            hint="Leave --repeat out, or choose a backend that reasons.",
        )
    # In process no server has a temperature of its own, and none is 0.
    cold = not card.temperature if card.kind == "local" else card.temperature == 0
    if repeat > 1 and cold and card.kind != "replay":
        return card.model_copy(update={"temperature": card.vote_temperature})
    return card


class Voting:
    """Asks ``backend`` every question ``repeat`` times, all in flight together, each under an address of its own."""

    def __init__(self, backend: Backend, repeat: int) -> None:
        self.name = backend.name
        self._backend = backend
        self._repeat = repeat

    async def ask(self, question: Question) -> Answer:
        """What most of the valid replies say.

        Raises:
            AnswerError: none was valid.
            AlrefError: what the backend raises otherwise, once the other replies are in: they are paid for.
        """
        tasks = [asyncio.ensure_future(self._one(question.sampled(n))) for n in range(self._repeat)]
        try:
            told = await asyncio.gather(*tasks)
        except Exception:
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        valid = [one for one in told if isinstance(one, Answer)]
        invalid = [one for one in told if isinstance(one, AnswerError)]
        if not valid:
            raise AnswerError(
                f"None of {self._repeat} answers was valid; the last: {invalid[-1]}", raw=invalid[-1].raw
            )
        return majority(valid)

    async def close(self) -> None:
        """Release the backend's connections."""
        await self._backend.close()

    async def _one(self, question: Question) -> Answer | AnswerError:
        try:
            return await self._backend.ask(question)
        except AnswerError as error:
            return error


def majority(answers: Sequence[Answer]) -> Answer:
    """The answer given most often, in the words of the first that gave it; ``agreement`` is its share.

    Of several given equally often it is the surer one, if all of them come with confidences, else the first.
    """
    groups: dict[frozenset[str], list[Answer]] = {}
    for answer in answers:
        groups.setdefault(frozenset(answer.items), []).append(answer)
    most = max(map(len, groups.values()))
    tied = [group for group in groups.values() if len(group) == most]
    chosen = max(tied, key=_sureness) if all(one.confidences is not None for one in answers) else tied[0]
    return replace(chosen[0], agreement=most / len(answers))


def _sureness(group: Sequence[Answer]) -> float:
    return sum(answer.confidence or 0.0 for answer in group) / len(group)
