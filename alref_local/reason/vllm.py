"""A vLLM server: the same chat API, with the answer constrained by the server (structured outputs).

The server's promise is not relied on: versions that name the field otherwise ignore this one, so every reply
is parsed as any other.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from alref_local.errors import ConfigError
from alref_local.places import Places
from alref_local.reason.card import Card
from alref_local.reason.defuse import defuse
from alref_local.reason.grammar import MARKER, lark, regex
from alref_local.reason.openai import ChatResponder
from alref_local.reason.question import Question, Usage
from alref_local.reason.reply import Correction, Failed, Reply, apart
from alref_local.reason.retry import patiently

__all__ = ["VllmResponder"]

_FIRST_CONSTRAINED = (0, 12)
"""The first version that knows ``structured_outputs``; older ones ignore it."""
_FIRST_BOUNDED = (0, 31)
"""The first whose grammar engine xgrammar reads pattern A's grammar; with guidance, all do."""


class VllmResponder(ChatResponder):
    """Patterns A (one call, by a grammar), B (two calls) and C (thinking models), or those of any chat API."""

    def __init__(self, card: Card, places: Places | None = None) -> None:
        super().__init__(card, places)
        self._probing: asyncio.Task[str] | None = None

    async def reply(self, question: Question, corrections: Sequence[Correction], failed: Failed) -> Reply:
        """One reply; the server is looked at once, before the first question."""
        server = await self._server(failed)
        request = self._request(question, corrections)
        ask = {"A": self._by_grammar, "B": self._in_two_calls, "C": self._thinking}.get(self.card.pattern)
        reply = await (ask(question, request, failed) if ask else self._send(request, failed))
        return replace(reply, server=server)

    async def _by_grammar(self, question: Question, request: dict[str, Any], failed: Failed) -> Reply:
        """Reasoning, marker and list in one reply."""
        grammar = lark(question.spec, self.card.think_tokens)
        reply = await self._send(_constrained(request, grammar=grammar), failed)
        return apart(reply, regex(question.spec))

    async def _in_two_calls(self, question: Question, request: dict[str, Any], failed: Failed) -> Reply:
        """Free reasoning up to the marker or the token limit, then nothing but the list."""
        limit: dict[str, Any] = {self.card.max_tokens_field: self.card.think_tokens}
        free = {name: value for name, value in request.items() if name not in ("logprobs", "top_logprobs")}
        thought = await self._send({**free, **limit, "stop": [MARKER]}, failed)
        said = (thought.text or "").rstrip()
        answer = await self._send(self._continued(question, request, f"{defuse(said)}\n{MARKER} "), failed)
        return replace(answer, reasoning=said, usage=_sum(thought.usage, answer.usage))

    async def _thinking(self, question: Question, request: dict[str, Any], failed: Failed) -> Reply:
        """The server keeps the thoughts apart and constrains what comes after them.

        A model that ends its turn while it is still thinking leaves no content: its thoughts are then closed for it.
        """
        budget = _constrained(request, regex=regex(question.spec))
        budget["extra_body"]["thinking_token_budget"] = self.card.think_tokens
        reply = await self._send(budget, failed)
        if reply.text:
            return reply
        said = f"<think>\n{defuse(reply.reasoning).strip()}\n</think>\n\n"
        answer = await self._send(self._continued(question, request, said), failed)
        # Without a </think> in it, the server takes even the list for thoughts.
        listed = answer.text or answer.reasoning
        return replace(answer, text=listed, reasoning=reply.reasoning, usage=_sum(reply.usage, answer.usage))

    def _continued(self, question: Question, request: dict[str, Any], said: str) -> dict[str, Any]:
        """The request for the list alone, after what was said so far in the model's own turn."""
        turn = {"role": "assistant", "content": said}
        room: dict[str, Any] = {self.card.max_tokens_field: self.card.max_tokens - self.card.think_tokens}
        listed = _constrained(
            {**request, **room, "messages": [*request["messages"], turn]}, regex=regex(question.spec)
        )
        listed["extra_body"] |= {"add_generation_prompt": False, "continue_final_message": True}
        return listed

    def _request(self, question: Question, corrections: Sequence[Correction]) -> dict[str, Any]:
        # A penalty on repetition would turn the model away from the numbers that it reasoned about.
        body: dict[str, Any] = {"repetition_penalty": 1.0, "min_p": 0.0}
        if self.card.top_k is not None:
            body["top_k"] = self.card.top_k
        return {**super()._request(question, corrections), "extra_body": body}

    async def _server(self, failed: Failed) -> str:
        """Kind and version of the server; many questions wait for one look."""
        if self._probing is None or (
            self._probing.done() and not self._probing.cancelled() and self._failed()
        ):
            self._probing = asyncio.ensure_future(self._look(failed))
        return await asyncio.shield(self._probing)

    def _warn(self, version: str) -> None:
        """Say what an old server will not do."""
        found = re.match(r"v?(\d+)\.(\d+)", version)
        release = (int(found[1]), int(found[2])) if found else _FIRST_BOUNDED
        said = logging.getLogger(__name__).warning
        if release < _FIRST_CONSTRAINED:
            told = "vLLM %s at %s is older than 0.12 and ignores grammars; more answers will be asked twice."
            said(told, version, self.card.endpoint)
        elif release < _FIRST_BOUNDED and self.card.pattern == "A":
            told = "vLLM %s at %s is older than 0.31 and may refuse grammars; --card pattern=B does without."
            said(told, version, self.card.endpoint)

    def _failed(self) -> bool:
        return self._probing is not None and self._probing.exception() is not None

    async def _look(self, failed: Failed) -> str:
        """See whether the server has the model, and is new enough to constrain answers.

        Raises:
            ConfigError: the server has other models.
        """
        served = await patiently(
            self._client.served, patience=self.card.patience, backoff=self.card.backoff, failed=failed
        )
        if self.card.model not in served.models:
            raise ConfigError(
                f"{self.card.endpoint} does not serve the model '{self.card.model}'.",
                hint=f"It serves {', '.join(served.models) or 'none'}; set model in the backend card.",
            )
        self._warn(served.version)
        return f"vllm {served.version}".strip()


def _constrained(request: dict[str, Any], **constraint: str) -> dict[str, Any]:
    return {**request, "extra_body": {**request["extra_body"], "structured_outputs": constraint}}


def _sum(first: Usage, second: Usage) -> Usage:
    def added(name: str) -> int | None:
        one, other = getattr(first, name), getattr(second, name)
        return None if one is None or other is None else one + other

    return Usage(
        prompt_tokens=added("prompt_tokens"),
        completion_tokens=added("completion_tokens"),
        cached_tokens=added("cached_tokens"),
        stored_tokens=added("stored_tokens"),
        milliseconds=round(first.milliseconds + second.milliseconds, 1),
    )
