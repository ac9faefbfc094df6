"""The ``serve:`` line of a card: the command that starts its server, as words."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import zip_longest
from math import prod

from alref_local.errors import ConfigError
from alref_local.reason.card import Card, list_cards, load_card

__all__ = ["ServeLine"]

_SHORT = {"-tp": "--tensor-parallel-size", "-dp": "--data-parallel-size", "-pp": "--pipeline-parallel-size"}


@dataclass(frozen=True, slots=True)
class ServeLine:
    """``NAME=VALUE ... vllm serve MODEL --option value ...``.

    Attributes:
        environment: the variables before the command.
        model: what is served: a name, a folder, or ``tiny:NAME``.
        options: names, and values where there are any, as they are written.
    """

    environment: dict[str, str]
    model: str
    options: tuple[str, ...]

    @classmethod
    def of(cls, card: Card) -> ServeLine:
        """The line of a card, or ``vllm serve MODEL`` where it has none.

        Raises:
            ConfigError: the card is of no vLLM server, or the line is no such command.
        """
        if card.kind != "vllm":
            served = [name for name in list_cards() if load_card(name).kind == "vllm"]
            raise ConfigError(
                f"The backend '{card.name}' is not one that is served from here.",
                hint=f"These are: {', '.join(served)}, and cards of your own of kind vllm.",
            )
        try:
            words = shlex.split(card.serve or shlex.join(["vllm", "serve", card.model]))
        except ValueError as error:
            raise _wrong(card) from error
        environment: dict[str, str] = {}
        while words and (variable := re.fullmatch(r"([A-Za-z_]\w*)=(.*)", words[0], re.DOTALL)):
            environment[variable[1]] = variable[2]
            words.pop(0)
        if words[:2] != ["vllm", "serve"] or len(words) < 3 or words[2].startswith("-"):
            raise _wrong(card)
        return cls(environment, words[2], tuple(_plain(word) for word in words[3:]))

    def value(self, option: str) -> str | None:
        """The last value of an option; ``None`` where the line does not have it."""
        found = None
        for word, after in zip_longest(self.options, self.options[1:], fillvalue=""):
            name, equals, value = word.partition("=")
            if name == option:
                found = value if equals else after
        return found

    def number(self, option: str) -> int | None:
        """The same as a number.

        Raises:
            ConfigError: it is none.
        """
        value = self.value(option)
        if value is None or value.isdecimal():
            return None if value is None else int(value)
        raise ConfigError(
            f"{option} of the card's serve line is no number: {value!r}.", hint="Mend the card."
        )

    @property
    def divided(self) -> int | None:
        """GPUs that the line itself divides a copy among; ``None`` leaves it to the plan."""
        sizes = [self.number(f"--{way}-parallel-size") for way in ("tensor", "pipeline")]
        return None if sizes == [None, None] else prod(size or 1 for size in sizes)

    @property
    def copies(self) -> int | None:
        """Copies that the line itself asks for."""
        return self.number("--data-parallel-size")

    def without(self, *names: str) -> tuple[str, ...]:
        """The options but for these, each of which has a value."""
        kept: list[str] = []
        words = iter(self.options)
        for word in words:
            name, equals, _ = word.partition("=")
            if name not in names:
                kept.append(word)
            elif not equals:
                next(words, None)
        return tuple(kept)


def _plain(word: str) -> str:
    """An option as vLLM spells it in its help: short ones written out, with hyphens."""
    if not word.startswith("-"):
        return word
    name, equals, value = word.partition("=")
    return _SHORT.get(name, name.replace("_", "-")) + equals + value


def _wrong(card: Card) -> ConfigError:
    return ConfigError(
        f"The serve line of the card '{card.name}' is no `vllm serve MODEL ...`.",
        hint="`alref-local backends qwen` shows one.",
    )
