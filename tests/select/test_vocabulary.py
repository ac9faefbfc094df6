"""The words for what sounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.errors import ConfigError
from alref_local.select.vocabulary import vocabulary


def test_avsbench_has_its_70_classes() -> None:
    """A benchmark's answers are held to other classes than it has."""
    names = vocabulary("avsbench")
    assert len(names) == len(set(names)) == 70
    assert list(names) == sorted(names)
    assert {"emergency-car", "ukulele", "woman"} <= set(names)
    assert "background" not in names


def test_open_is_any_name() -> None:
    """The default would be a closed list."""
    assert vocabulary("open") == ()


def test_a_file_of_ones_own_works(tmp_path: Path) -> None:
    """A person cannot hold answers to words of their own."""
    (tmp_path / "words.txt").write_text("Excavator\n\n drill  hammer \nexcavator\n")
    assert vocabulary(str(tmp_path / "words.txt")) == ("excavator", "drill hammer")


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "no vocabulary"), ("\n \n", "is empty"), ('a "b"\n', "no name"), (b"\xff", "no vocabulary")],
)
def test_what_is_no_list_is_named(tmp_path: Path, text: str | bytes | None, words: str) -> None:
    """A misspelled vocabulary ends in a traceback, or in an open list."""
    path = tmp_path / "words.txt"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=words) as caught:
        vocabulary(str(path))
    assert "avsbench" in caught.value.hint
