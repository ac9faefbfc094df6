"""The page about handing in says what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.export import FORMATS
from alref_local.handin import FORMS

PAGE = (Path(__file__).parents[2] / "docs/hand-in.md").read_text()


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_archives(name: str) -> None:
    """People would look for a form that is not the one that is checked."""
    kind = {"L": "8-bit grey, 0 and 255", "P": "palette, 0 and the objects' numbers"}[FORMS[name].mode]
    assert f"| {name} | `{FORMS[name].layout}` | {kind} |" in PAGE


@pytest.mark.parametrize("form", FORMATS)
def test_forms_of_annotations(form: str) -> None:
    """A form would be there that nobody knows of."""
    assert f"| `{form}` |" in PAGE
    assert f"--format {form}" in PAGE
