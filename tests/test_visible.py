"""Words of others on a screen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.visible import visible
from tests.payloads import PAYLOADS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the dog", "the dog"),
        ("größer 狗 🐕\u200d🦺", "größer 狗 🐕\u200d🦺"),
        ("\u05d4\u05db\u05dc\u05d1", "\u05d4\u05db\u05dc\u05d1"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202eb", r"a\u202eb"),
        ("a\nb\tc\r\nd", r"a\nb\tc\nd"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    """A name could paint the terminal, or letters of a script would be lost."""
    assert visible(text) == shown


@given(st.text() | st.sampled_from(PAYLOADS), st.booleans())
def test_nothing_acts(text: str, lines: bool) -> None:
    """A control character or a mark of direction would reach the screen."""
    shown = visible(text, lines=lines)
    kept = {"\n", "\t"} if lines else set()
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in kept]
    assert not [
        c
        for c in shown
        if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ]
    assert visible(shown, lines=lines) == shown
    shown.encode()
