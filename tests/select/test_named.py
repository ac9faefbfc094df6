"""What a sentence names."""

from __future__ import annotations

import pytest

from alref_local.select.named import named, same

NAMES = ("dog", "emergency-car", "goose", "car", "man", "hair-dryer")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("the dog that barks", ["dog"]),
        ("Those two DOGS!", ["dog"]),
        ("two geese", ["goose"]),
        ("the man next to the dog", ["dog", "man"]),
        ("the emergency car", ["emergency-car", "car"]),
        ("a hair dryer", ["hair-dryer"]),
        ("the loudest thing", []),
        ("the dogma of a carpenter", []),
        ("", []),
    ],
)
def test_a_sentence_names_things_by_whole_words(sentence: str, expected: list[str]) -> None:
    """A sentence would be emptied by the silence of what it does not speak of."""
    assert named(sentence, NAMES) == tuple(expected)


def test_a_name_of_the_list_is_known_in_any_form() -> None:
    """ "Dogs" would be mapped to what an aligner deems near, not to "dog"."""
    assert (same("Dogs", NAMES), same("emergency car", NAMES), same("cat", NAMES)) == (
        "dog",
        "emergency-car",
        None,
    )
