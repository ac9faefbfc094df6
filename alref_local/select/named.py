"""Which things a sentence names, and which name of a list comes nearest to another: by their form alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from alref_local.select.synonyms import forms

__all__ = ["named", "same"]

_LONGEST = 3  # words of a name


def named(sentence: str, names: Sequence[str]) -> tuple[str, ...]:
    """The names that stand in a sentence in any form, in their own order: of "those two dogs" it is "dog"."""
    words = re.findall(r"[^\W_]+", sentence.casefold())
    said = {
        one
        for length in range(1, _LONGEST + 1)
        for start in range(len(words) - length + 1)
        for one in forms(" ".join(words[start : start + length]))
    }
    return tuple(name for name in names if forms(name) & said)


def same(name: str, names: Sequence[str]) -> str | None:
    """The first of the names that has a form of this one, if any does: for "Dogs" it is "dog"."""
    return next((one for one in names if forms(one) & forms(name)), None)
