"""How sure the model was, read off the log-probabilities of its list."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.reason.confidence import confidences
from alref_local.reason.question import NAME, AnswerSpec
from alref_local.reason.reply import Token

THREE = AnswerSpec(("1", "2", "3"))
MAYBE = AnswerSpec(("1", "2", "3"), none_allowed=True)
TWELVE = AnswerSpec(tuple(str(i) for i in range(1, 13)))
NAMES = AnswerSpec(("dog", "dog barking", "car"), kind="names", max_items=2)


def token(text: str, **others: float) -> Token:
    """A token with its probability, ``p``, and those of others in its place."""
    p = others.pop("p", 1 - sum(others.values()))
    return Token(text, {text: log(p)} | {_SPELLED.get(name, name): log(q) for name, q in others.items()})


_SPELLED = {
    "one": "1",
    "three": "3",
    "close": "]",
    "empty": "[]",
    "quote": '"',
    "do": "do",
    "x": "x",
    "ten": "10",
}

CASES = {
    "bare": (
        [token("["), token("2", one=0.25, three=0.25), token("]")],
        THREE,
        {"1": 0.25, "2": 0.5, "3": 0.25},
    ),
    "after reasoning": (
        [token("[9]"), token(" so"), token("\n["), token("2", one=0.2), token("]")],
        THREE,
        {"1": 0.2, "2": 0.8, "3": 0},
    ),
    "bracket and digit in one": ([token(" [2", x=0.1), token("]")], THREE, {"1": 0, "2": 1, "3": 0}),
    "JSON with blanks": (
        [token('"answer": ['), token(" 2", p=0.9), token("]}")],
        THREE,
        {"1": 0, "2": 1, "3": 0},
    ),
    "what fits nothing is left out": ([token("["), token("2", x=0.5)], THREE, {"1": 0, "2": 1, "3": 0}),
    "none by the closing bracket": (
        [token("["), token("2", close=0.5)],
        MAYBE,
        {"1": 0, "2": 0.5, "3": 0, "none": 0.5},
    ),
    "none by one token": ([token("[]", p=1.0)], MAYBE, {"1": 0, "2": 0, "3": 0, "none": 1}),
    "none beside the open bracket": (
        [token("[", empty=0.4), token("2"), token("]")],
        MAYBE,
        {"1": 0, "2": 0.6, "3": 0, "none": 0.4},
    ),
    "an id that begins another": (
        [token("["), token("1"), token("2", close=0.25), token("]")],
        TWELVE,
        {**dict.fromkeys(TWELVE.allowed, 0.0), "1": 0.25, "12": 0.75},
    ),
    "names in pieces": (
        [
            token("["),
            token('"'),
            token("do", car=0.2),
            token("g", p=0.9),
            token('"', **{" bark": 0.5}),
        ],
        NAMES,
        {"dog": 0.36 / 0.92, "dog barking": 0.36 / 0.92, "car": 0.2 / 0.92},
    ),
}


@pytest.mark.parametrize(("tokens", "spec", "expected"), CASES.values(), ids=CASES)
def test_the_probabilities_of_the_items_are_those_of_their_tokens(
    tokens: list[Token], spec: AnswerSpec, expected: dict[str, float]
) -> None:
    """A sure answer looks like a guess, or a guess like a sure answer."""
    assert confidences(tokens, spec) == pytest.approx(expected)


@pytest.mark.parametrize("tokens", [[], [token("no"), token(" list")], [Token("[", {}), Token("2", {})]])
def test_without_a_list_or_numbers_nothing_is_claimed(tokens: list[Token]) -> None:
    """A number is made up where the server gave none."""
    assert confidences(tokens, THREE) is None


@given(
    st.lists(
        st.builds(
            Token,
            st.text(alphabet='[]"12, x', max_size=4),
            st.dictionaries(st.text(alphabet='[]"12, x', max_size=4), st.floats(-50, 0), max_size=4),
        ),
        max_size=8,
    )
)
def test_whatever_the_tokens_the_probabilities_sum_to_one(tokens: list[Token]) -> None:
    """A strange tokenizer crashes the run."""
    found = confidences(tokens, TWELVE)
    assert found is None or sum(found.values()) == pytest.approx(1)


def test_an_open_list_has_no_confidences() -> None:
    """The only name that is known, "none", would seem certain."""
    spec = AnswerSpec((), "names", none_allowed=True, pattern=NAME)
    assert confidences([token("["), token("]")], spec) is None
