"""A vLLM server: the same chat API, with the answer constrained by the server (structured outputs).

The server's promise is not relied on: versions that name the field otherwise ignore this one, so every reply
is parsed as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from alref_local.reason.client import Reply
from alref_local.reason.grammar import MARKER, lark, regex
from alref_local.reason.openai import OpenAIBackend
from alref_local.reason.question import Question
from alref_local.reason.wire import Correction

__all__ = ["VllmBackend"]


class VllmBackend(OpenAIBackend):
    """Patterns A (one call, by a grammar) and B (two calls), or those of any chat API."""

    async def _reply(self, question: Question, corrections: Sequence[Correction], attempt: int) -> Reply:
        request = self._request(question, corrections)
        if self.card.pattern == "A":
            request["extra_body"]["structured_outputs"] = {
                "grammar": lark(question.spec, self.card.think_tokens)
            }
        if self.card.pattern == "B":
            return await self._in_two_calls(question, attempt, request)
        return await self._send(question, attempt, request)

    async def _in_two_calls(self, question: Question, attempt: int, request: dict[str, Any]) -> Reply:
        """Free reasoning up to the marker or the token limit, then nothing but the list."""
        limit, room = self.card.max_tokens_field, self.card.max_tokens - self.card.think_tokens
        thought = await self._send(
            question, attempt, {**request, "stop": [MARKER], limit: self.card.think_tokens}
        )
        said = f"{(thought.text or '').rstrip()}\n{MARKER} "
        body = {
            **request["extra_body"],
            "structured_outputs": {"regex": regex(question.spec)},
            "add_generation_prompt": False,
            "continue_final_message": True,
        }
        turns = [*request["messages"], {"role": "assistant", "content": said}]
        answer = await self._send(
            question, attempt, {**request, "messages": turns, "extra_body": body, limit: room}
        )
        return replace(
            answer,
            text=None if answer.text is None else said + answer.text,
            prompt_tokens=_sum(thought.prompt_tokens, answer.prompt_tokens),
            completion_tokens=_sum(thought.completion_tokens, answer.completion_tokens),
            milliseconds=round(thought.milliseconds + answer.milliseconds, 1),
        )

    def _request(self, question: Question, corrections: Sequence[Correction]) -> dict[str, Any]:
        body = {} if self.card.top_k is None else {"top_k": self.card.top_k}
        return {**super()._request(question, corrections), "extra_body": body}


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
