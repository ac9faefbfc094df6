"""Grammar and parser must agree: what a server is allowed to say is read, and what is read could be said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from math import perm

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alref_local.errors import AnswerError
from alref_local.reason.grammar import MARKER, MOST_LISTS, choice, json_schema, lark, regex
from alref_local.reason.parse import parse
from alref_local.reason.question import NAME, AnswerSpec

SMALL = [
    AnswerSpec(allowed, kind, low, high, none)  # type: ignore[arg-type]
    for allowed, kind in ((("1", "2", "3"), "ids"), (("a, b", "c.d|(e)", "/f's{2}"), "names"))
    for low, high in ((1, 1), (1, 2), (1, 3), (2, 2), (2, 3))
    for none in (False, True)
]


OPEN = AnswerSpec((), "names", max_items=3, none_allowed=True, pattern=NAME)
FRAMED = AnswerSpec((), "names", max_items=2, pattern=f"{NAME}: (1|2)")
OPEN_REPLIES = [
    *(
        "[]",
        '["dog"]',
        '["dog", "train"]',
        '["motor vehicle (road)", "bird, chirping", "x"]',
        '["dog", "dog"]',
    ),
    *('["犬"]', '["3"]', '[""]', '["<b>"]', '["a", "b", "c", "d"]', f'["{"d" * 40}"]', f'["{"d" * 41}"]'),
    *('["dog: 1"]', '["dog: 3"]', '["dog: 1", "train: 2"]', '["dog", "train: 2"]', '[" dog"]', '["dog "]'),
]


def readable(reply: str, spec: AnswerSpec) -> bool:
    """Whether the parser takes the reply."""
    try:
        parse(reply, spec)
    except AnswerError:
        return False
    return True


def near_lists(spec: AnswerSpec) -> Iterator[str]:
    """Every list of up to four allowed or nearly allowed items, as a server would write it."""
    items = [name if spec.kind == "ids" else json.dumps(name) for name in (*spec.allowed, "4")]
    for length in range(5):
        yield from (f"[{', '.join(some)}]" for some in product(items, repeat=length))


@pytest.mark.parametrize("spec", SMALL)
def test_regex_and_choice_admit_exactly_the_lists_that_the_parser_takes(spec: AnswerSpec) -> None:
    """A constrained server writes lists that are refused, or cannot write the right one."""
    admitted = {reply for reply in near_lists(spec) if re.fullmatch(regex(spec), reply)}
    assert admitted == {reply for reply in near_lists(spec) if readable(reply, spec)}
    assert admitted == set(choice(spec))
    assert len(choice(spec)) == len(admitted)


@pytest.mark.parametrize("spec", SMALL)
def test_the_json_schema_admits_what_the_parser_takes_and_repeats_besides(spec: AnswerSpec) -> None:
    """A server with strict JSON cannot give a valid answer, or gives one of the wrong length."""
    answer = json_schema(spec)["properties"]["answer"]

    def admitted(items: list[object]) -> bool:
        return answer["minItems"] <= len(items) <= answer["maxItems"] and all(
            item in answer["items"]["enum"] for item in items
        )

    for reply in near_lists(spec):
        items = json.loads(reply)
        wrapped = json.dumps({"reasoning": "", "answer": items})
        if readable(wrapped, spec):
            assert admitted(items)
        elif len(set(items)) == len(items) and len(items) >= spec.min_items:
            assert not admitted(items)


def test_the_json_schema_is_one_that_strict_mode_takes() -> None:
    """The API answers every question with status 400."""
    schema = json_schema(AnswerSpec(("1", "2")))
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"]) == ["reasoning", "answer"]
    assert schema["properties"]["answer"]["items"] == {"type": "integer", "enum": [1, 2]}
    assert "uniqueItems" not in json.dumps(schema)


@settings(deadline=None)
@given(
    names=st.lists(
        st.text(st.characters(exclude_characters='"\\[]*`', exclude_categories=("C", "Z"))),
        min_size=1,
        max_size=4,
        unique_by=str.casefold,
    ).filter(all),
    none=st.booleans(),
)
def test_lists_of_any_names_survive_the_way_through_grammar_and_parser(names: list[str], none: bool) -> None:
    """A tag with a special character can never be answered, or becomes another one."""
    try:
        spec = AnswerSpec(tuple(names), "names", 1, len(names), none)
    except ValueError:
        return
    for reply in choice(spec):
        assert re.fullmatch(regex(spec), reply)
        assert list(parse(reply, spec)) == json.loads(reply)


def test_many_items_fall_back_to_a_grammar_in_which_items_may_repeat() -> None:
    """A question with ten sound labels makes a grammar of megabytes, which servers refuse."""
    spec = AnswerSpec(tuple(f"label {i}" for i in range(10)), "names", 1, 10)
    assert perm(10, 10) > MOST_LISTS
    with pytest.raises(ValueError, match="too many"):
        choice(spec)
    assert len(regex(spec)) < 500
    full = json.dumps(list(reversed(spec.allowed)))
    assert re.fullmatch(regex(spec), full)
    assert parse(full, spec) == tuple(reversed(spec.allowed))
    assert not re.fullmatch(regex(spec), json.dumps([*spec.allowed, "label 0"]))
    assert not re.fullmatch(regex(spec), "[]")


def test_lark_has_the_limit_the_marker_and_the_list() -> None:
    """Reasoning has no end, or the list is not what the parser reads."""
    rules = lark(AnswerSpec(("1", "2")), 77).splitlines()
    assert rules[0] == "start: think sep list"
    assert "max_tokens=77" in rules[1]
    assert f'stop="{MARKER}"' in rules[1]
    assert rules[3] == r"list: /\[(1|2)\]/"


@pytest.mark.parametrize("spec", SMALL)
def test_a_grammar_engine_forces_a_valid_list_after_free_words(spec: AnswerSpec) -> None:
    """The server rejects the grammar, or lets a reply end without a list (checked with vLLM's own engine)."""
    llguidance = pytest.importorskip("llguidance", reason="llguidance is not installed")
    tokenizer = llguidance.LLTokenizer("byte")
    grammar = lark(spec, think_tokens=400)
    for said in choice(spec):
        matcher = llguidance.LLMatcher(tokenizer, grammar)
        assert not matcher.get_error()
        thinking = tokenizer.tokenize_str(f"I see [9] and\nmore. {MARKER} ")
        assert matcher.consume_tokens(thinking)
        assert not matcher.is_accepting()  # no end before the list
        listing = tokenizer.tokenize_str(said)
        assert matcher.validate_tokens(listing) == len(listing)
        assert matcher.consume_tokens(listing)
        assert matcher.is_accepting()
    refused = [reply for reply in near_lists(spec) if not readable(reply, spec)]
    for said in refused[::17]:
        matcher = llguidance.LLMatcher(tokenizer, grammar)
        matcher.consume_tokens(tokenizer.tokenize_str(f"{MARKER} "))
        listing = tokenizer.tokenize_str(said)
        if matcher.validate_tokens(listing) == len(listing):
            matcher.consume_tokens(listing)
            assert not matcher.is_accepting()


@pytest.mark.parametrize("spec", [OPEN, FRAMED])
@pytest.mark.parametrize("reply", OPEN_REPLIES)
def test_open_lists_are_held_to_what_the_parser_takes(spec: AnswerSpec, reply: str) -> None:
    """A server writes names that are refused, or cannot write a right one (checked with vLLM's own engine too)."""
    admitted = re.fullmatch(regex(spec), reply) is not None
    if admitted:
        assert readable(reply, spec)
    else:
        assert not readable(reply, spec) or reply == '[" dog"]'  # the parser forgives a blank
    llguidance = pytest.importorskip("llguidance", reason="llguidance is not installed")
    tokenizer = llguidance.LLTokenizer("byte")
    matcher = llguidance.LLMatcher(tokenizer, lark(spec, think_tokens=400))
    assert matcher.consume_tokens(tokenizer.tokenize_str(f"I hear a dog.\n{MARKER} "))
    listing = tokenizer.tokenize_str(reply)
    held = matcher.validate_tokens(listing) == len(listing)
    assert (held and matcher.consume_tokens(listing) and matcher.is_accepting()) == admitted


def test_the_schema_of_an_open_list_takes_any_strings() -> None:
    """A server with strict JSON refuses the schema of the sound question."""
    answer = json_schema(OPEN)["properties"]["answer"]
    assert answer == {"type": "array", "items": {"type": "string"}, "minItems": 0, "maxItems": 3}
    with pytest.raises(ValueError, match="too many"):
        choice(OPEN)
