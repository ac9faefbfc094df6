"""Which names of sounding things are one, by their form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.select.synonyms import merged

SAME = [
    ("dog", "Dog"),
    ("dog", "dogs"),
    ("dog", "the dog"),
    ("dog", "dog barking"),
    ("train", "train sounds"),
    ("bus", "buses"),
    ("fox", "foxes"),
    ("finch", "finches"),
    ("puppy", "puppies"),
    ("man", "men speaking"),
    ("wolf", "wolves"),
    ("vacuum cleaner", "vacuum-cleaner"),
    ("church bell", "Church bells"),
    ("glass", "a glass"),
]
DIFFERENT = [
    ("dog", "bark"),
    ("train", "train horn"),
    ("bus", "bu"),
    ("washing machine", "sewing machine"),
    ("man", "woman"),
    ("bell", "bells tower"),
    ("guitar", "electric guitar"),
    ("glass", "glas"),
    ("ring", "king"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_thing_in_two_forms_is_one_thing(one: str, other: str) -> None:
    """A dog would be segmented twice, as "dog" and as "dogs"."""
    assert merged([other, one]) == {one: one, other: one} or min(len(one), len(other)) == len(other)
    assert len(set(merged([one, other]).values())) == 1


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_things_stay_two(one: str, other: str) -> None:
    """Of two sounding things one would be lost."""
    assert merged([one, other]) == {one: one, other: other}


@given(st.lists(st.text(st.sampled_from("abdeghinorsty -"), min_size=1, max_size=12)))
def test_every_name_has_a_shortest_one(names: list[str]) -> None:
    """A name a model made up crashes the run, or stands for nothing."""
    same = merged(names)
    assert list(same) == list(dict.fromkeys(names))
    assert all(same[short] == short and len(short) <= len(name) for name, short in same.items())
