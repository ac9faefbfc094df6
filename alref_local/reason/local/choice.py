"""Which token comes next, for every row of a batch by its own grammar and its own dice.

A logits processor makes the choice itself and leaves transformers one token a row: so a reply depends neither on the
rows beside it nor on the sampling defaults of a checkpoint, and the probabilities are seen where they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import LogitsProcessor

from alref_local.reason.card import Card
from alref_local.reason.reply import Token

__all__ = ["Choice", "Considered", "last_tokens"]

_MOST = 20
"""Log-probabilities of this many of the likeliest tokens are kept, as servers do."""


class Considered(NamedTuple):
    """What a row could have said in one place: the chosen token and the likeliest ones.

    Natural log-probabilities among the tokens that the grammar allows, before temperature.
    """

    chosen: float
    ids: list[int]
    logprobs: list[float]


class Choice(LogitsProcessor):  # type: ignore[misc]  # transformers is not read by the type checker
    """Chooses one token a row, and keeps what was considered.

    Args:
        grammars: one processor of outlines a row, each for numpy and one row; ``None`` lets the row speak freely.
        seeds: one a row; ``None`` is a throw of the dice.
        card: temperature (null: 0, the likeliest), ``top_p``, ``top_k``, and whether log-probabilities are kept.
        ends: ids of the tokens after which a row is over: the ends of a reply, and padding.
    """

    def __init__(
        self, grammars: Sequence[Any], seeds: Sequence[int | None], card: Card, ends: frozenset[int]
    ) -> None:
        self._grammars = grammars
        self._dice = [Random(seed) for seed in seeds]
        self._card = card
        self._ends = ends
        self._begun = False
        self._over = [False for _ in seeds]
        self.considered: list[list[Considered]] = [[] for _ in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores in which one token a row is finite, from ids so far (rows, length) and scores (rows, vocabulary)."""
        logprobs = (scores + self._forbidden(input_ids, scores)).log_softmax(-1)
        chosen = self._draw(logprobs)
        if self._card.logprobs:
            self._keep(logprobs, chosen)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)

    def _forbidden(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """(rows, vocabulary): 0 where the row's grammar allows a token, else -inf."""
        bias = np.zeros(scores.shape, np.float32)
        last = input_ids[:, -1:].cpu().numpy()
        for row, grammar in enumerate(self._grammars):
            self._over[row] |= self._begun and int(last[row, 0]) in self._ends
            if grammar is not None and not self._over[row]:
                grammar(last[row : row + 1], bias[row : row + 1])
        self._begun = True
        return torch.from_numpy(bias).to(scores.device)

    def _draw(self, logprobs: torch.Tensor) -> torch.Tensor:
        """(rows, 1) ids: the likeliest, or one drawn after temperature, then top_k, then top_p."""
        if not self._card.temperature:
            return logprobs.argmax(-1, keepdim=True)
        warmed = (logprobs / self._card.temperature).softmax(-1)
        likely, order = warmed.sort(dim=-1, descending=True, stable=True)
        if self._card.top_k is not None and self._card.top_k > 0:
            likely[:, self._card.top_k :] = 0
        reached = likely.cumsum(-1)
        likely[reached - likely >= (self._card.top_p or 1.0) * reached[:, -1:]] = 0
        reached = likely.cumsum(-1)
        thrown = torch.tensor([[dice.random()] for dice in self._dice]).to(reached)
        place = (reached <= thrown * reached[:, -1:]).sum(-1, keepdim=True)
        last = (likely > 0).sum(-1, keepdim=True) - 1  # rounding must not reach the excluded ones
        return order.gather(1, place.minimum(last.clamp(min=0)))

    def _keep(self, logprobs: torch.Tensor, chosen: torch.Tensor) -> None:
        values, ids = logprobs.topk(min(_MOST, logprobs.shape[-1]))
        own = logprobs.gather(1, chosen)[:, 0]
        rows = zip(own.tolist(), ids.tolist(), values.tolist(), strict=True)
        for kept, (one, some, their) in zip(self.considered, rows, strict=True):
            kept.append(Considered(one, some, their))


def last_tokens(
    ids: Sequence[int], considered: Sequence[Considered], spelled: Callable[[list[int]], str]
) -> tuple[Token, ...]:
    """The tokens of a reply from the one that opens its last list; none where nothing was kept or no list opens."""
    tokens: list[Token] = []
    for own, seen in reversed(list(zip(ids, considered, strict=False))):
        text = spelled([own])
        top: dict[str, float] = {}
        for token, logprob in zip(seen.ids, seen.logprobs, strict=True):
            said = spelled([token])  # two tokens may be spelled alike
            top[said] = float(np.logaddexp(top.get(said, -np.inf), logprob))
        top.setdefault(text, seen.chosen)
        tokens.append(Token(text, top))
        if "[" in text:
            return tuple(reversed(tokens))
    return ()
