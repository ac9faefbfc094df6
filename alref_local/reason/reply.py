"""What comes back over one exchange, and who gives it: the seam between asking well and speaking a protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from alref_local.errors import BackendError
from alref_local.reason.grammar import MARKER
from alref_local.reason.question import Question, Usage

__all__ = ["Correction", "Failed", "Reply", "Responder", "Token", "apart"]


class Correction(NamedTuple):
    """An invalid reply, and what was wrong with it."""

    reply: str
    reason: str


class Token(NamedTuple):
    """One generated token and the log-probabilities of the likeliest tokens in its place, its own among them."""

    text: str
    top: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said.

    Attributes:
        text: the reply itself; ``None`` if the message had no content.
        finish_reason: why it ended, as the server says it.
        model: model name as the server reports it.
        usage: tokens and time.
        reasoning: what a thinking model thought before, where the server keeps it apart.
        tokens: the last tokens of ``text``, as far back as they are known.
        server: kind and version of the server, where it says so.
    """

    text: str | None
    finish_reason: str | None
    model: str
    usage: Usage
    reasoning: str = ""
    tokens: tuple[Token, ...] = ()
    server: str = ""

    @property
    def raw(self) -> str | None:
        """Reasoning and reply in one, as other models would have written it."""
        if not self.reasoning:
            return self.text
        return f"{self.reasoning.strip()}\n{MARKER} {self.text or ''}"


def apart(reply: Reply, listed: str) -> Reply:
    """The reply with the reasoning before its list kept apart: no mark that is written there concerns the list.

    Args:
        reply: reasoning, marker and list, if the server obeyed the grammar.
        listed: regular expression of the list.
    """
    found = re.search(rf"{listed}\Z", reply.text or "")
    if found is None:
        return reply
    reasoning = found.string[: found.start()].rstrip().removesuffix(MARKER).rstrip()
    return replace(reply, text=found.group(), reasoning=reasoning)


Failed = Callable[[BackendError], None]
"""Told of every exchange that failed, also of those that are tried again."""


class Responder(Protocol):
    """Speaks with one model: over the chat API, or in process."""

    async def reply(self, question: Question, corrections: Sequence[Correction], failed: Failed) -> Reply:
        """One reply to a question that was corrected so far; many may be under way.

        Raises:
            BackendError: no usable reply came.
            AnswerError: the question was refused.
            PrerequisiteError: no server, the key is refused, or a package or the weights are missing.
            ConfigError: the model is unknown.
        """

    async def close(self) -> None:
        """Release connections or memory."""
