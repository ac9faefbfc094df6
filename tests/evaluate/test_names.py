"""Published ids become folders that lead nowhere else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alref_local.evaluate.names import folder_names
from alref_local.files import safe_name


@given(st.lists(st.text(), unique=True))
def test_any_ids(ids: list[str]) -> None:
    """An id of an annotation file would write outside the run folder, or over another item."""
    names = folder_names(ids)
    assert list(names) == ids
    assert all(safe_name(name) == name for name in names.values())
    assert len({name.casefold() for name in names.values()}) == len(ids)


def test_names() -> None:
    """People would not find their videos again, or every start would look for them elsewhere."""
    names = folder_names(["dog", "DOG", "-0aB_10", "../../etc", "clips/street", "a.b", "日本"])
    assert names["dog"] == "dog"
    assert names["a.b"] == "a.b"
    assert names["DOG"].startswith("DOG-")
    assert names["-0aB_10"].startswith("0aB_10-")
    assert names["../../etc"].startswith("etc-")
    assert names["clips/street"].startswith("clips-street-")
    assert names["日本"].startswith("item-")
    assert folder_names(["clips/street"]) == {"clips/street": names["clips/street"]}
