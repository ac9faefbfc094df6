"""Replies as models really write them, and whether they are answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alref_local.errors import AnswerError
from alref_local.reason.parse import check, parse
from alref_local.reason.question import NAME, AnswerSpec

ONE = AnswerSpec(("1", "2", "3", "4", "5"))
MAYBE = AnswerSpec(("1", "2", "3"), none_allowed=True)
SOME = AnswerSpec(("1", "2", "3", "4", "5"), min_items=1, max_items=3)
PAIR = AnswerSpec(("1", "2", "3"), min_items=2, max_items=2)
NAMES = AnswerSpec(
    ("Dog", "Child speech, kid speaking", "Bird's song"), "names", max_items=3, none_allowed=True
)

OPEN = AnswerSpec((), "names", max_items=3, none_allowed=True, pattern=NAME)
SURE = AnswerSpec((), "names", max_items=3, pattern=NAME)
FRAMED = AnswerSpec((), "names", max_items=3, none_allowed=True, pattern=f"{NAME}: (1|2|3)")

GOOD = [
    # As asked for.
    ("[3]", ONE, ("3",)),
    ("The dog jumps in frame 3.\nANSWER: [3]", ONE, ("3",)),
    ("[ 3 ]", ONE, ("3",)),  # blanks inside
    ("[3].", ONE, ("3",)),  # a full stop after it
    ("\n\n[3]\n", ONE, ("3",)),  # blank lines around
    ("[1, 3]", SOME, ("1", "3")),
    ("[5,1,3]", SOME, ("5", "1", "3")),  # the model's order is kept
    ("[3]", SOME, ("3",)),
    # Lists inside the reasoning: the last one counts.
    ("Frame [1] is blurred, frame [2] is dark, so [3]", ONE, ("3",)),
    ("I compared [1, 2] and [4, 5].\nANSWER: [2]", ONE, ("2",)),
    (
        "<think>maybe [1]</think>[3]",
        ONE,
        ("3",),
    ),  # a thinking model behind a server that does not strip thoughts
    ("maybe [1]</think>[3]", ONE, ("3",)),  # the template opened the thoughts
    ("see [1 and then [3]", ONE, ("3",)),  # a bracket never closed
    ("A [link](a.png) and ANSWER: [3]", ONE, ("3",)),  # a Markdown link is a list too, but not the last
    # A list right behind the marker counts, not what is remarked on it.
    ("ANSWER: [3]\n\n(Frame [1] is blurred.)", ONE, ("3",)),
    ("ANSWER: [1]\nNo, wait.\nANSWER: [3], not [2]", ONE, ("3",)),
    ("ANSWER: of [1] and [2] it is [2]", ONE, ("2",)),
    ("Boxes {'a': [1]}. ANSWER: [2]", ONE, ("2",)),  # an object in the reasoning, as Python writes it
    ("the range [1, 5) fits: [3]", ONE, ("3",)),  # a half-open interval is no list
    # Markdown.
    ("**[3]**", ONE, ("3",)),
    ("[**3**]", ONE, ("3",)),
    ("**ANSWER:** [3]", ONE, ("3",)),
    ("`[3]`", ONE, ("3",)),
    ("```\n[3]\n```", ONE, ("3",)),
    ("```json\n[3]\n```", ONE, ("3",)),
    ("### Final Answer: [3]", ONE, ("3",)),
    ("> [3]", ONE, ("3",)),  # a quotation
    ("[3](frame3.png)", ONE, ("3",)),  # a link whose text is the list
    # LaTeX.
    (r"\[3\]", ONE, ("3",)),
    (r"\\[3\\]", ONE, ("3",)),  # escaped twice on its way through JSON
    (r"$\boxed{[3]}$", ONE, ("3",)),
    (r"\left[3\right]", ONE, ("3",)),
    # Digits in quotes.
    ('["3"]', ONE, ("3",)),
    ("['3']", ONE, ("3",)),
    ("[“3”]", ONE, ("3",)),  # curly quotes
    ("[‘3’]", ONE, ("3",)),  # noqa: RUF001 - single curly quotes
    ('[" 3 "]', ONE, ("3",)),  # blanks inside the quotes
    # Full-width forms, as typed on East Asian keyboards.
    ("［3］", ONE, ("3",)),  # noqa: RUF001
    ("[３]", ONE, ("3",)),  # noqa: RUF001
    ("［１，３］", SOME, ("1", "3")),  # noqa: RUF001
    # JSON objects.
    ('{"reasoning": "It jumps.", "answer": [3]}', ONE, ("3",)),
    ('{"reasoning": "not [1]", "answer": ["3"]}', ONE, ("3",)),
    ('{"answer": [3], "reasoning": "and not [1]"}', ONE, ("3",)),  # lists in the reasoning after the answer
    ('```json\n{"reasoning": "", "answer": [3]}\n```', ONE, ("3",)),
    ('Here it is: {"reasoning": "x", "answer": [3]} Hope it helps!', ONE, ("3",)),
    ('{"reasoning": "a “red” car", "answer": [3]}', ONE, ("3",)),  # curly quotes must not break the JSON
    ('{"reasoning": "x"}\nANSWER: [3]', ONE, ("3",)),  # an object without an answer is passed over
    ("the set {1, 2} leaves [3]", ONE, ("3",)),  # braces that are no JSON
    ('{"answer": [1]} no wait {"answer": [3]}', ONE, ("3",)),  # a second thought
    # None.
    ("[]", MAYBE, ()),
    ("None of them fits. ANSWER: []", MAYBE, ()),
    ('["none"]', MAYBE, ()),
    ("[None]", MAYBE, ()),  # without quotes, in another case
    ("[-1]", MAYBE, ()),
    ('{"reasoning": "x", "answer": []}', MAYBE, ()),
    ('{"reasoning": "x", "answer": [-1]}', MAYBE, ()),
    # Names.
    ('["Dog"]', NAMES, ("Dog",)),
    ("[dog]", NAMES, ("Dog",)),  # no quotes, another case
    ("['DOG']", NAMES, ("Dog",)),
    (
        '["child  speech, kid speaking", "dog"]',
        NAMES,
        ("Child speech, kid speaking", "Dog"),
    ),  # comma in a name
    ("[bird's song]", NAMES, ("Bird's song",)),  # an apostrophe is no quote
    ("[“bird’s song”]", NAMES, ("Bird's song",)),  # noqa: RUF001 - curly apostrophe
    (r'["Bird\u0027s song"]', NAMES, ("Bird's song",)),  # JSON escapes
    ("[]", NAMES, ()),
    # Names of an open list.
    ('["dog", "train"]', OPEN, ("dog", "train")),
    ("The bark is the dog's.\nANSWER: ['dog']", OPEN, ("dog",)),
    ("[Dog, French  horn]", OPEN, ("dog", "french horn")),  # upper case, blanks, no quotes
    ('["Fixed-wing aircraft, airplane"]', OPEN, ("fixed-wing aircraft, airplane",)),
    ('["Motor vehicle (road)", "man\'s voice"]', OPEN, ("motor vehicle (road)", "man's voice")),
    ("[“dog”]", OPEN, ("dog",)),
    ('["собака", "犬"]', OPEN, ("собака", "犬")),
    ('["dog", "Dog", "dog"]', OPEN, ("dog",)),  # said twice
    ('["a", "b", "c", "A"]', OPEN, ("a", "b", "c")),
    ('{"reasoning": "x", "answer": ["dog"]}', OPEN, ("dog",)),
    ("[]", OPEN, ()),
    ('["none"]', OPEN, ()),
    ('["dog: 3", "train: 1"]', FRAMED, ("dog: 3", "train: 1")),
]

BAD = [
    # Nothing there.
    (None, ONE, "empty"),  # the server sent content null
    ("", ONE, "empty"),
    (" \n\t ", ONE, "empty"),
    ("I am sorry, I cannot help with that.", ONE, "no list"),
    ("3", ONE, "no list"),  # a bare number
    ("Frame 3", ONE, "no list"),
    ("(3)", ONE, "no list"),
    ("{3}", ONE, "no list"),
    (r"\boxed{3}", ONE, "no list"),
    ("[3", ONE, "no list"),  # cut in the middle of the list
    ("3]", ONE, "no list"),
    ("【3】", ONE, "no list"),  # lenticular brackets mark citations
    ("Frame [1] is blurred.\nANSWER: 3", ONE, "no list"),  # the answer is there, and it is not [1]
    ("Frame [1] is blurred, so ANSWER: three", ONE, "no list"),
    ("Frame [1] is blurred.\nFinal answer: 3", ONE, "no list"),
    # Cut off or broken.
    ("<think>maybe [1]", ONE, "within its reasoning"),
    ("[2]<think>or [1]", ONE, "within its reasoning"),
    ("<think>[1]</think>", ONE, "no list"),  # thoughts and nothing said
    ('{"reasoning": "I see [2] and', ONE, "JSON"),
    ('```json\n{"reasoning": "I see [2] and', ONE, "JSON"),
    ("{'reasoning': 'x', 'answer': [3]}", ONE, "JSON"),  # Python, not JSON
    ('{"reasoning": "x", "answer": [3],}', ONE, "JSON"),  # comma at the end
    # The wrong shape.
    ("[[3]]", ONE, "inside another list"),
    ("[ [3], [1] ]", ONE, "inside another list"),
    (r"\[ [3] \]", ONE, "inside another list"),  # display mathematics around the list
    ('{"answer": 3}', ONE, "not a list"),
    ('{"answer": "[3]"}', ONE, "not a list"),
    ('{"answer": null}', ONE, "not a list"),
    ('{"answer": [[3]]}', ONE, "something else"),
    ('{"answer": [3.0]}', ONE, "something else"),
    ('{"answer": [true]}', AnswerSpec(("0", "1")), "something else"),  # true is not 1
    ('{"answer": [{"id": 3}]}', ONE, "something else"),
    ('{"scores": [3]}', ONE, "no list"),  # an object that answers something else
    ("{" * 50 + '"a":' * 50 + "[3]", ONE, "JSON"),
    ("[1 2]", SOME, "not one of"),  # no comma
    ("[1; 2]", SOME, "not one of"),
    ("[1-3]", SOME, "not one of"),
    ("[1, 2,]", SOME, "ends with a comma"),
    ("[1,,2]", SOME, "cannot be read"),
    ("[,]", SOME, "cannot be read"),
    ("[ ]", MAYBE, "cannot be read"),  # an unticked box of a to-do list is not "none"
    ("- [x] 3\n- [ ] 1", MAYBE, "cannot be read"),
    ('["3]', ONE, "cannot be read"),  # a quote never closed
    ("['3\"]", ONE, "cannot be read"),  # quotes that do not pair
    # Not an allowed item.
    ("[7]", ONE, "not one of 1, 2, 3, 4, 5"),
    ("[0]", ONE, "not one of"),
    ("[-1]", ONE, "'none'"),  # "none" where it is not allowed
    ("[]", ONE, "'none'"),
    ('["none"]', ONE, "'none'"),
    ("[null]", MAYBE, "not one of"),
    ("[-2]", MAYBE, "not one of"),
    ("[-1, 2]", MAYBE, "not one of"),  # none and something
    ("[Frame 3]", ONE, "not one of"),  # a word beside the number may mean another count
    ("[label 3]", ONE, "not one of"),
    ("[#3]", ONE, "not one of"),
    ("[3.0]", ONE, "not one of"),
    ("[03]", ONE, "not one of"),
    ("[+3]", ONE, "not one of"),
    ("[1_0]", AnswerSpec(tuple(map(str, range(1, 12)))), "not one of"),  # ten, to Python
    ("[three]", ONE, "not one of"),
    ("[III]", ONE, "not one of"),
    ("[٣]", ONE, "not one of"),  # Arabic-Indic three
    ("[³]", ONE, "not one of"),  # superscript three
    ("[\u200b3]", ONE, "not one of"),  # an invisible character
    ("[n]", ONE, "not one of"),  # the prompt's own placeholder
    ("[...]", ONE, "not one of"),
    ("[3]. See [note]", ONE, "not one of"),  # the last list is not the answer
    ("[" + "9" * 5000 + "]", ONE, "not one of"),
    ('[{"answer": 3}]', ONE, "cannot be read"),
    ("[cat]", NAMES, "not one of"),
    ("[Child speech, kid speaking]", NAMES, "not one of"),  # its comma, without quotes, makes two
    ("['bird's song']", NAMES, "cannot be read"),
    # No name for an open list.
    ('["3"]', OPEN, "no short plain name"),  # a number
    ('["-2"]', OPEN, "no short plain name"),
    ('["../../etc/passwd"]', OPEN, "no short plain name"),  # a path
    ('["<b>dog</b>"]', OPEN, "no short plain name"),  # HTML
    ('["<|im_end|>"]', OPEN, "no short plain name"),  # control tokens
    ('["dog {reference}"]', OPEN, "no short plain name"),
    ('["dog: bark"]', OPEN, "no short plain name"),
    ('["$(reboot)"]', OPEN, "no short plain name"),
    ('["dog\\u0000"]', OPEN, "no short plain name"),
    ('["dog\\u202egod"]', OPEN, "no short plain name"),  # turns the text around it
    (f'["{"dog " * 20}"]', OPEN, "no short plain name"),  # a sentence
    ('[""]', OPEN, "no short plain name"),
    ('["a", "b", "c", "d"]', OPEN, "4 items"),
    ("[]", SURE, "must name something"),
    ('["none"]', SURE, "must name something"),
    ('["dog"]', FRAMED, "no short plain name"),
    ('["dog: 4"]', FRAMED, "no short plain name"),
    # The wrong number.
    ("[1, 2]", ONE, "2 items"),
    ("[1, 2, 3, 4]", SOME, "4 items"),
    ("[1]", PAIR, "1 items"),
    ("[3, 3]", ONE, "twice"),
    ("[3, '3']", SOME, "twice"),
    ('["dog", "DOG "]', NAMES, "twice"),
    # Beyond reason.
    ("[3]" + " " * 100_000, ONE, "longer than"),
]


@pytest.mark.parametrize(("reply", "spec", "items"), GOOD)
def test_an_answer_in_any_dress_is_read(reply: str, spec: AnswerSpec, items: tuple[str, ...]) -> None:
    """A right answer is thrown away, or another one is read out of it."""
    assert parse(reply, spec) == items


@pytest.mark.parametrize(("reply", "spec", "reason"), BAD)
def test_what_is_no_answer_is_refused_with_its_reason(
    reply: str | None, spec: AnswerSpec, reason: str
) -> None:
    """A guess is taken for an answer, or the model is not told what was wrong."""
    with pytest.raises(AnswerError) as caught:
        parse(reply, spec)
    assert reason in str(caught.value)
    assert caught.value.raw == (reply or "")
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("finish_reason", "reason"),
    [("length", "cut off"), ("content_filter", "withheld"), ("tool_calls", "tool_calls"), ("", "''")],
)
def test_a_reply_that_did_not_end_is_refused_though_it_holds_a_list(finish_reason: str, reason: str) -> None:
    """A list from the middle of a cut reasoning counts as the answer."""
    with pytest.raises(AnswerError, match=reason):
        parse("I compare [1]", ONE, finish_reason)


def test_a_server_that_gives_no_finish_reason_is_believed() -> None:
    """Servers that leave the field out cannot be used at all."""
    assert parse("[1]", ONE, None) == ("1",)


@pytest.mark.parametrize(
    "unit", ["[", "]", "{", '{"a":', "[1", "\n", "answer:", "\\", '"', "<think>", "[9],", " ", "{ "]
)
def test_floods_are_read_in_linear_time(unit: str) -> None:
    """A model that repeats itself freezes the program (the test would run into the time limit)."""
    flood = unit * (99_000 // len(unit))
    for reply in (flood, f'[a{flood}"]'):
        with pytest.raises(AnswerError):
            parse(reply, ONE)


@settings(deadline=None)
@given(reply=st.text() | st.lists(st.sampled_from([*"[]{}\"'\\,1379 n", "answer", "ANSWER:"])).map("".join))
def test_whatever_is_said_nothing_but_an_allowed_item_comes_out(reply: str) -> None:
    """A reply crashes the run or smuggles something into it."""
    try:
        items = parse(reply, SOME)
    except AnswerError:
        return
    assert 1 <= len(items) <= 3
    assert len(set(items)) == len(items)
    assert set(items) <= set(SOME.allowed)


@settings(deadline=None)
@given(reasoning=st.text(), items=st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True))
def test_a_strict_json_reply_is_read_whatever_the_reasoning_says(reasoning: str, items: list[int]) -> None:
    """Words of the reasoning change the answer of a server with JSON schema."""
    said = reasoning.replace("<think>", "").replace("</think>", "")
    reply = json.dumps({"reasoning": said, "answer": items}, ensure_ascii=False)
    assert parse(reply, SOME) == tuple(map(str, items))


@settings(deadline=None)
@given(reply=st.text() | st.lists(st.text(max_size=50), max_size=4).map(json.dumps))
def test_nothing_but_short_plain_names_comes_out_of_an_open_list(reply: str) -> None:
    """A reply smuggles markup, a path or a flood into prompts and folders."""
    try:
        names = parse(reply, OPEN)
    except AnswerError:
        return
    assert len(names) <= 3
    for name in names:
        assert len(name.encode()) <= 400
        assert not set(name) & set('"\\[]{}<>|*`:;$\n\r\t\0')
        assert name == " ".join(name.split())


def test_check_keeps_the_spelling_of_the_question() -> None:
    """Recorded answers in another spelling would not match the tags of the run."""
    assert check(["DOG"], NAMES) == ("Dog",)


@pytest.mark.parametrize(
    ("allowed", "kind", "numbers"),
    [
        (("01",), "ids", (1, 1)),
        (("a]b",), "names", (1, 1)),
        (('a"b',), "names", (1, 1)),
        ((" a",), "names", (1, 1)),
        (("Dog", "dog"), "names", (1, 1)),
        (("1",), "ids", (1, 2)),
        (("1",), "ids", (0, 1)),
        ((), "ids", (1, 1)),
        ((), "names", (1, 1)),
    ],
)
def test_a_set_that_cannot_be_asked_for_is_refused(
    allowed: tuple[str, ...], kind: str, numbers: tuple[int, int]
) -> None:
    """Grammar and parser would disagree on what such a question allows."""
    with pytest.raises(ValueError, match=r"written|twice|no list"):
        AnswerSpec(allowed, kind, *numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(("allowed", "kind"), [(("dog",), "names"), ((), "ids")])
def test_an_open_list_is_of_names_that_nobody_gave(allowed: tuple[str, ...], kind: str) -> None:
    """Grammar and parser would disagree on whether a list is open."""
    with pytest.raises(ValueError, match="open list"):
        AnswerSpec(allowed, kind, pattern=NAME)  # type: ignore[arg-type]
