"""How the local backend chooses tokens: held to the likelihoods, by each row's own grammar and dice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from alref_local.reason.card import Card
from alref_local.reason.local.choice import Choice, last_tokens

ENDS = frozenset({0})
SCORES = torch.tensor([0.0, 1.0, 3.0, 2.0, -4.0])


def choice(rows: int = 1, grammars: Any = None, **card: Any) -> Choice:
    """A choice for some rows, seeded by their numbers."""
    made = Card(name="t", kind="local", model="m", logprobs=True, **card)
    return Choice(grammars or [None] * rows, list(range(rows)), made, ENDS)


def drawn(chooser: Choice, steps: int, rows: int = 1, scores: torch.Tensor = SCORES) -> list[list[int]]:
    """What every row says in some steps with the same scores."""
    said = [[9] for _ in range(rows)]
    for _ in range(steps):
        left = chooser(torch.tensor([row[-1:] for row in said]), scores.repeat(rows, 1))
        assert left.isfinite().sum(-1).tolist() == [1] * rows
        for row, token in zip(said, left.argmax(-1).tolist(), strict=True):
            row.append(token)
    return [row[1:] for row in said]


def forbids(*tokens: int) -> Any:
    """A grammar, and the tokens that it was shown."""

    def grammar(ids: Any, bias: Any) -> None:
        grammar.shown.append(int(ids[0, -1]))  # type: ignore[attr-defined]
        bias[0, list(tokens)] = -np.inf

    grammar.shown = []  # type: ignore[attr-defined]
    return grammar


def test_temperature_zero_or_null_is_the_likeliest() -> None:
    """The same question gets another answer every time."""
    assert drawn(choice(temperature=0), 3) == [[2, 2, 2]]
    assert drawn(choice(temperature=None), 3) == [[2, 2, 2]]


@pytest.mark.parametrize("temperature", [0.5, 1.0])
@pytest.mark.parametrize("limits", [{}, {"top_k": 2}, {"top_k": -1}, {"top_p": 0.6}, {"top_p": 0.97}])
def test_draws_follow_the_likelihoods_within_the_limits(limits: dict[str, Any], temperature: float) -> None:
    """Votes count what the model never meant, or top_p and top_k of the card do nothing."""
    shares, order = (SCORES / temperature).softmax(-1).sort(descending=True)
    nucleus = int((shares.cumsum(-1) - shares < limits.get("top_p", 1)).sum())
    allowed = min(nucleus, limits["top_k"] if limits.get("top_k", -1) > 0 else 5)
    rows = 2000
    count = Counter(token for (token,) in drawn(choice(rows, temperature=temperature, **limits), 1, rows))
    assert set(count) <= set(order[:allowed].tolist())
    for token, share in zip(order[:allowed].tolist(), shares[:allowed] / shares[:allowed].sum(), strict=True):
        assert count[token] / rows == pytest.approx(share.item(), abs=0.04)


def test_a_row_does_not_depend_on_those_beside_it() -> None:
    """A run cannot be repeated, because its batches fell out differently."""
    together = drawn(choice(rows=3, temperature=1.0), 50, rows=3)
    assert together[0] == drawn(choice(rows=1, temperature=1.0), 50)[0]
    assert len({tuple(row) for row in together}) == 3


def test_every_row_has_a_grammar_of_its_own_until_it_ends() -> None:
    """Questions with different answers cannot share a batch, or a finished row breaks its grammar."""
    ends, goes_on = forbids(1, 2, 3, 4), forbids(2)
    said = drawn(choice(rows=3, grammars=[ends, goes_on, None], temperature=0), 3, rows=3)
    assert said == [[0, 2, 2], [3, 3, 3], [2, 2, 2]]  # what follows an end is padded over
    assert (ends.shown, goes_on.shown) == ([9], [9, 3, 3])


def test_a_prompt_that_closes_with_an_end_is_no_ended_row() -> None:
    """After a chat template whose last token is the end of a turn, nothing is constrained."""
    grammar = forbids(2)
    chooser = choice(grammars=[grammar], temperature=0)
    assert chooser(torch.tensor([[0]]), SCORES[None]).argmax(-1).tolist() == [3]


def test_log_probabilities_are_those_among_the_allowed_before_temperature() -> None:
    """Confidences shrink with the temperature, or do not sum to one."""
    chooser = choice(grammars=[forbids(2)], temperature=9.0)
    drawn(chooser, 1)
    ((seen,),) = chooser.considered
    expected = SCORES.clone()
    expected[2] = -torch.inf
    assert torch.tensor(seen.logprobs).exp().sum().item() == pytest.approx(1)
    assert seen.ids[0] == 3
    assert seen.logprobs[0] == pytest.approx(expected.log_softmax(-1)[3].item())
    assert seen.chosen in [pytest.approx(one) for one in seen.logprobs]


def test_tokens_begin_where_the_last_list_opens() -> None:
    """The logged likelihoods belong to a list that was only thought of."""
    words = {0: "", 1: "[", 2: "3", 3: "]", 4: "3"}
    chooser = choice(temperature=0)
    ids = [1, 2, 3, 1, 2, 3, 0]
    for token in ids:
        scores = torch.full((1, 5), -1.0)
        scores[0, token] = 2.0
        chooser(torch.tensor([[9]]), scores)
    tokens = last_tokens(ids, chooser.considered[0], lambda some: words[some[0]])
    assert [token.text for token in tokens] == ["[", "3", "]", ""]
    assert np.exp(tokens[1].top["3"]) == pytest.approx((np.e**2 + np.e**-1) / (np.e**2 + 4 * np.e**-1))
    assert sum(np.exp(list(tokens[1].top.values()))) == pytest.approx(1)
    assert last_tokens([2, 3], chooser.considered[0], lambda some: words[some[0]]) == ()
    assert last_tokens(ids, [], lambda some: words[some[0]]) == ()
