"""Which names of sounding things are one, by their form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.select.named import named
from alref_local.select.synonyms import merged
from alref_local.select.vocabulary import vocabulary

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
    ("policeman", "policemen"),
    ("potato", "potatoes"),
    ("knife", "knives"),
    ("panda", "pandas"),
    ("gas", "Gas"),
    ("lens", "lenses"),
    ("guitar string", "guitar strings"),
    ("church building", "church buildings"),
    ("duckling", "ducklings"),
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
    ("guitar", "guitar string"),
    ("hot spring", "hot"),
    ("church", "church building"),
    ("baby", "baby duckling"),
    ("tub", "tubes"),
    ("gas", "ga"),
    ("bias", "bia"),
    ("iris", "iri"),
]
PLURALS = {
    "man": "men",
    "woman": "women",
    "goose": "geese",
    "wolf": "wolves",
    "baby": "babies",
    "sheep": "sheep",
} | {
    "bus": "buses",
    "axe": "axes",
}
"""Of AVSBench's names; the others take an s."""


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_thing_in_two_forms_is_one_thing(one: str, other: str) -> None:
    """A dog would be segmented twice, as "dog" and as "dogs"."""
    assert merged([other, one]) == {one: one, other: one} or min(len(one), len(other)) == len(other)
    assert len(set(merged([one, other]).values())) == 1


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_things_stay_two(one: str, other: str) -> None:
    """Of two sounding things one would be lost."""
    assert merged([one, other]) == {one: one, other: other}


@pytest.mark.parametrize("name", vocabulary("avsbench"))
def test_every_name_of_avsbench_is_one_with_its_plural(name: str) -> None:
    """Horses are segmented twice, and of "the two horses" it is not known that they are the horse that is heard."""
    plural = PLURALS.get(name, f"{name}s")
    assert merged([name, plural]) == {name: name, plural: name}
    assert len(set(merged([plural, f"the {name}"]).values())) == 1
    assert name in named(f"the two {plural} on the left", vocabulary("avsbench"))


def test_the_names_of_avsbench_stay_as_many_as_they_are() -> None:
    """Two categories are written as one."""
    names = vocabulary("avsbench")
    plurals = [PLURALS.get(name, f"{name}s") for name in names]
    assert len(set(merged([*names, *plurals]).values())) == len(names) == 70


@pytest.mark.parametrize(
    "names", [["horses", "horse"], ["ax", "axe", "axes"], ["axes", "ax", "axe"], ["axe", "ax", "axes"]]
)
def test_names_that_share_a_form_with_a_third_are_one(names: list[str]) -> None:
    """Which things there are depends on the order in which they are heard."""
    assert len(set(merged(names).values())) == 1
    assert list(merged(names)) == names


@given(st.lists(st.text(st.sampled_from("abdeghinorsty -"), min_size=1, max_size=12)))
def test_every_name_has_a_shortest_one(names: list[str]) -> None:
    """A name a model made up crashes the run, or stands for nothing."""
    same = merged(names)
    assert list(same) == list(dict.fromkeys(names))
    assert all(same[short] == short and len(short) <= len(name) for name, short in same.items())
