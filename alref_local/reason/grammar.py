"""An ``AnswerSpec`` in the languages that servers constrain a reply with.

All of them write the list as the parser reads it: ``[1, 3]`` or ``["dog", "car"]``, ``[]`` for "none". Where
there are few enough lists, each is spelled out, so that no item can come twice and any order is possible; beyond
``MOST_LISTS`` an item may repeat, which the parser refuses. In an open list any name may stand that fits its pattern.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import permutations
from math import perm
from typing import Any

from alref_local.reason.question import AnswerSpec

__all__ = ["MARKER", "MOST_LISTS", "choice", "escape", "json_schema", "lark", "regex"]

MARKER = "ANSWER:"
"""What a reply writes between its reasoning and its list."""

MOST_LISTS = 400
"""Spell out at most this many lists (five items in any number and order are 325)."""


def choice(spec: AnswerSpec) -> list[str]:
    """Every valid list, as written.

    Raises:
        ValueError: there are more than ``MOST_LISTS``.
    """
    if not _few(spec):
        raise ValueError("there are too many possible answers to list them")
    return (["[]"] if spec.none_allowed else []) + [f"[{', '.join(items)}]" for items in _lists(spec)]


def regex(spec: AnswerSpec) -> str:
    """A regular expression for the list; groups, alternatives and bounded repeats, which all engines know."""
    if _few(spec):
        inside = "|".join(escape(", ".join(items)) for items in _lists(spec))
    else:
        item = f'"{spec.pattern}"' if spec.pattern else "|".join(map(escape, _all_written(spec)))
        inside = f"({item})(, ({item})){{{spec.min_items - 1},{spec.max_items - 1}}}"
    filled = rf"\[({inside})\]"
    return rf"(\[\]|{filled})" if spec.none_allowed else filled


def lark(spec: AnswerSpec, think_tokens: int) -> str:
    """A Lark grammar (llguidance's dialect) for free reasoning followed by the list, in one call.

    The reasoning ends when the model writes the marker or after ``think_tokens`` tokens; the reply cannot end
    before the list is complete.
    """
    slashes = regex(spec).replace("/", r"\/")
    return "\n".join(
        (
            "start: think sep list",
            f'think[max_tokens={think_tokens}, stop="{MARKER}"]: /(.|\\n)*/',
            rf"sep: /( |\n{MARKER} )?/",
            f"list: /{slashes}/",
        )
    )


def json_schema(spec: AnswerSpec) -> dict[str, Any]:
    """A strict JSON schema for ``{"reasoning": "...", "answer": [...]}``.

    Strict mode has no ``uniqueItems``, so an item may repeat here; the parser refuses that. "None" is an
    empty array, which takes the lower bound away. Names of an open list are any strings: not every server takes a
    pattern.
    """
    item: dict[str, Any] = (
        {"type": "string"} if spec.pattern else {"type": "string", "enum": list(spec.allowed)}
    )
    if spec.kind == "ids":
        item = {"type": "integer", "enum": [int(name) for name in spec.allowed]}
    answer = {
        "type": "array",
        "items": item,
        "minItems": 0 if spec.none_allowed else spec.min_items,
        "maxItems": spec.max_items,
    }
    return {
        "type": "object",
        "properties": {"reasoning": {"type": "string"}, "answer": answer},
        "required": ["reasoning", "answer"],
        "additionalProperties": False,
    }


def _few(spec: AnswerSpec) -> bool:
    """Whether all lists can be spelled out."""
    sizes = range(spec.min_items, spec.max_items + 1)
    return not spec.pattern and sum(perm(len(spec.allowed), k) for k in sizes) <= MOST_LISTS


def _lists(spec: AnswerSpec) -> Iterator[tuple[str, ...]]:
    written = _all_written(spec)
    for k in range(spec.min_items, spec.max_items + 1):
        yield from permutations(written, k)


def _all_written(spec: AnswerSpec) -> list[str]:
    """The allowed items as they stand in a list."""
    return [name if spec.kind == "ids" else json.dumps(name, ensure_ascii=False) for name in spec.allowed]


def escape(text: str) -> str:
    """Escape what has a meaning in every dialect and nothing else (``re.escape`` also escapes blanks)."""
    return re.sub(r"([\\.^$*+?{}\[\]()|])", r"\\\1", text)
