"""Recorded replies played back: the same questions give the same answers, and no model runs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from alref_local.errors import AnswerError, BackendError, ConfigError
from alref_local.reason.calls import read_calls
from alref_local.reason.card import Card
from alref_local.reason.parse import check
from alref_local.reason.question import Address, Answer, Question

__all__ = ["ReplayBackend", "recorded_answers"]

Known = dict[tuple[Address, str, tuple[str, ...]], Answer]


class ReplayBackend:
    """Answers by address from ``RUN/calls.jsonl``; the last line of an address is its outcome.

    Raises:
        ConfigError: the run has no call log.
    """

    def __init__(self, run: Path, name: str = "replay") -> None:
        self.name = name
        self._run = run
        self._calls = {_key(call["address"]): call for call in read_calls(run)}

    async def ask(self, question: Question) -> Answer:
        """The recorded answer, or the recorded failure again.

        Raises:
            ConfigError: nothing was recorded for this question, or it was another question.
            AnswerError: the recorded replies were invalid.
            BackendError: the recorded backend failed.
        """
        call = self._calls.get(_key(asdict(question.address)))
        if call is None:
            raise ConfigError(
                f"The run {self._run} holds no answer for {_say(question.address)}.",
                hint="Replay the same videos and sentences with the config, and the --repeat, of that run.",
            )
        _same(question, call)
        if call["error"] is not None:
            if call["error_type"] == AnswerError.__name__:
                raise AnswerError(str(call["error"]), raw=str(call["raw"] or ""))
            raise BackendError(str(call["error"]))
        return _answer(call, check([str(item) for item in call["answer"]], question.spec))

    async def close(self) -> None:
        """Nothing to release."""


def recorded_answers(run: Path, card: Card) -> Known:
    """The valid answers that a run's call log holds for a card, by address and hashes of prompt and images."""
    if not (run / "calls.jsonl").is_file():
        return {}
    return {
        (Address(**call["address"]), call["prompt_sha256"], tuple(call["image_sha256s"])): _answer(
            call, tuple(str(item) for item in call["answer"])
        )
        for call in read_calls(run)
        if call["answer"] is not None
        and call.get("backend") == card.name
        and call.get("sampling") == card.sampling()
    }


def _answer(call: dict[str, Any], items: tuple[str, ...]) -> Answer:
    return Answer(
        items=items,
        raw=str(call["raw"] or ""),
        confidences=_confidences(call.get("confidences")),
        model=str(call.get("model", "")),
        attempts=int(call["attempt"]),
    )


def _confidences(value: object) -> dict[str, float] | None:
    if not isinstance(value, dict):
        return None
    return {str(item): float(one) for item, one in value.items() if isinstance(one, int | float)}


def _key(address: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted(address.items()))


def _same(question: Question, call: dict[str, Any]) -> None:
    """Refuse a reply to another prompt or to other pictures; of imported replies neither is known."""
    differs = []
    if call["prompt_sha256"] not in (None, question.prompt_sha256):
        differs.append(f"the prompt (recorded with the prompt set '{call.get('prompt_set')}')")
    if call["image_sha256s"] not in (None, question.image_sha256s):
        differs.append("the images")
    if differs:
        raise ConfigError(
            f"The recorded question for {_say(question.address)} differs in {' and '.join(differs)}.",
            hint="Replay with the same video, config, prompts and weights.",
        )


def _say(address: Address) -> str:
    again = f", vote {address.sample + 1}" if address.sample else ""
    return f"{address.step} of {address.item!r}, {address.reference!r}, clip {address.clip}{again}"
