"""The one parser of replies: whatever a server promises, every reply passes through here.

The rule, in order:

1. Markup is taken away: emphasis and code marks, LaTeX backslashes before brackets (``\\[3\\]``), typographic
   and full-width forms of quotes, brackets, commas and digits, and a leading ``<think>...</think>``.
2. The answer is the last list of the reply, or the ``"answer"`` of a JSON object if that stands last. ``ANSWER:``
   (in any case at the start of a line) makes everything before it reasoning; a list right behind it is the answer,
   whatever is remarked after that.
3. A list holds items separated by commas: digits, bare or quoted, for ids (``3``, ``"3"``, not ``Frame 3``);
   names quoted or bare, compared without regard to case and blanks. No lists inside lists.
4. Items must be allowed, different, and of the right number. "None" is ``[]``, ``["none"]`` or ``[-1]``.
   Names of an open list must fit its pattern; they are lower-cased, and one that is said twice counts once.

Anything else is an ``AnswerError`` whose text says what is wrong in words that can be sent back to the model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from alref_local.errors import AnswerError
from alref_local.reason.question import AnswerSpec

__all__ = ["check", "parse"]

_LONGEST = 100_000
_SHOWN = 40

_BRACKETS = str.maketrans("［］", "[]", "*`")  # noqa: RUF001
_TYPOGRAPHY = str.maketrans("，＂“”„‟＇‘’‚‛０１２３４５６７８９", ",\"\"\"\"\"'''''0123456789")  # noqa: RUF001
_LATEX_BRACKET = re.compile(r"(?<!\\)\\++(?:(?:left|right)\\*+)?([\[\]])")
_PART = re.compile(
    r"(?P<marker>^[ \t]*(?i:(?:final[ \t]+)?answer[ \t]*:)|ANSWER:)|(?P<list>\[[^\[\]]*\])|(?P<object>\{\s*[\"'])",
    re.MULTILINE,
)
_ITEM = re.compile(
    r"""\s*+(?:(?P<double>"(?:[^"\\]|\\.)*+")|'(?P<single>[^']*+)'|(?P<bare>[^\s,"'][^,"]*+))\s*+(?:,|\Z)"""
)


def parse(reply: str | None, spec: AnswerSpec, finish_reason: str | None = "stop") -> tuple[str, ...]:
    """The items of a valid reply, spelled as in ``spec.allowed`` and in the order given; ``()`` means "none".

    Args:
        reply: what the model said, or ``None`` if the server sent no content.
        spec: what a valid answer is.
        finish_reason: why the server says that the reply ended; only ``stop`` (or nothing) is an end.

    Raises:
        AnswerError: the reply is no valid answer.
    """
    try:
        if finish_reason not in ("stop", None):
            raise AnswerError(_CUT.get(finish_reason, f"The reply ended with {finish_reason[:_SHOWN]!r}."))
        if reply is None or not reply.strip():
            raise AnswerError("The reply is empty.")
        if len(reply) > _LONGEST:
            raise AnswerError(f"The reply is longer than {_LONGEST:,} characters.")
        return check(_items(_clean(reply)), spec)
    except AnswerError as error:
        error.raw = reply or ""
        raise


_CUT = {
    "length": "The reply was cut off at the token limit.",
    "content_filter": "The reply was withheld by the server's content filter.",
}


def check(items: list[str], spec: AnswerSpec) -> tuple[str, ...]:
    """``items`` as spelled in ``spec.allowed``, if they are a valid answer; ``()`` for "none".

    Raises:
        AnswerError: an item is not allowed or comes twice, or there are too few or too many.
    """
    known = {_fold(name): name for name in spec.allowed}
    if not items or (len(items) == 1 and _fold(items[0]) in {"none", "-1"} - known.keys()):
        if spec.none_allowed:
            return ()
        wanted = f"one of {_few(spec.allowed)}" if spec.allowed else "something"
        raise AnswerError(f"The answer is 'none', but it must name {wanted}.")
    chosen = _open_names(items, spec.pattern) if spec.pattern else _known_names(items, spec, known)
    if not spec.min_items <= len(chosen) <= spec.max_items:
        raise AnswerError(f"The answer names {len(chosen)} items, but {_bounds(spec)} is asked for.")
    return tuple(chosen)


def _open_names(items: list[str], pattern: str) -> list[str]:
    for item in items:
        plain = " ".join(item.translate(_TYPOGRAPHY).split())
        if not re.fullmatch(pattern, plain) and not re.fullmatch(pattern, plain.lower()):
            raise AnswerError(
                f"The answer holds {item[:_SHOWN]!r}, which is no short plain name of the form asked for."
            )
    return list(dict.fromkeys(_fold(item) for item in items))


def _known_names(items: list[str], spec: AnswerSpec, known: Mapping[str, str]) -> list[str]:
    chosen: list[str] = []
    for item in items:
        name = known.get(_fold(item))
        if name is None:
            raise AnswerError(
                f"The answer names {item[:_SHOWN]!r}, which is not one of {_few(spec.allowed)}."
            )
        if name in chosen:
            raise AnswerError(f"The answer names {name!r} twice.")
        chosen.append(name)
    return chosen


def _clean(reply: str) -> str:
    said = reply.rpartition("</think>")[2]
    if "<think>" in said:
        raise AnswerError("The reply ends within its reasoning.")
    return _LATEX_BRACKET.sub(r"\1", said.translate(_BRACKETS))


def _items(text: str) -> list[str]:
    """The items of the list or answer object that counts; lists inside an object do not."""
    position, marker_at = 0, -1
    found: list[str] | re.Match[str] | None = None
    settled = broken = False
    while part := _PART.search(text, position):
        start, position = part.start(), part.end()
        if part["marker"]:
            found, marker_at, settled, broken = None, position, False, False
        elif settled or broken:
            continue  # a remark behind the answer, or the inside of what cannot be read
        elif part["list"]:
            found = part
            settled = marker_at >= 0 and not text[marker_at:start].strip()
        elif (read := _object_at(text, start)) is None:
            broken = True
        else:
            value, position = read
            found = _json_items(value["answer"]) if "answer" in value else found
    if broken:
        raise AnswerError("The reply begins a JSON object that cannot be read.")
    if found is None:
        raise AnswerError("The reply has no list in [] at its end.")
    return found if isinstance(found, list) else _written_items(text, found)


def _object_at(text: str, start: int) -> tuple[dict[str, Any], int] | None:
    """A JSON object and where it ends; ``None`` where it cannot be read."""
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return value, end


def _json_items(answer: object) -> list[str]:
    if not isinstance(answer, list):
        raise AnswerError('The "answer" is not a list.')
    if any(isinstance(item, bool) or not isinstance(item, int | str) for item in answer):
        raise AnswerError('The "answer" holds something else than ids or names.')
    return [str(item) for item in answer]


def _written_items(text: str, found: re.Match[str]) -> list[str]:
    before, after = text[: found.start()], text[found.end() :]
    inside = found.group()[1:-1].translate(_TYPOGRAPHY)
    if before.count("[") > before.count("]") and after.count("]") > after.count("["):
        raise AnswerError("The answer is a list inside another list.")
    items = []
    position = 0
    while position < len(inside):
        item = _ITEM.match(inside, position)
        if item is None:
            raise AnswerError(f"The list [{inside[:_SHOWN]}] cannot be read as items separated by commas.")
        items.append(_unquoted(item))
        position = item.end()
    if inside.rstrip().endswith(","):
        raise AnswerError(f"The list [{inside[:_SHOWN]}] ends with a comma.")
    return items


def _unquoted(item: re.Match[str]) -> str:
    if item["double"] is None:
        return item["single"] if item["single"] is not None else item["bare"]
    try:
        return str(json.loads(item["double"]))
    except ValueError:
        raise AnswerError(f"The item {item['double'][:_SHOWN]} cannot be read.") from None


def _fold(item: str) -> str:
    return " ".join(item.translate(_TYPOGRAPHY).casefold().split())


def _few(allowed: tuple[str, ...]) -> str:
    return ", ".join(allowed[:20]) + (", ..." if len(allowed) > 20 else "")


def _bounds(spec: AnswerSpec) -> str:
    if spec.min_items == spec.max_items:
        return f"exactly {spec.min_items}"
    return f"a list of {spec.min_items} to {spec.max_items}"
