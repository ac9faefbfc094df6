"""Sound events from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.errors import ConfigError
from alref_local.select.known_events import known_events


def test_events_come_in_order(tmp_path: Path) -> None:
    """The last event, which goes on to the end of the video, would be another one."""
    file = tmp_path / "events.json"
    file.write_text('{"a": [[2, 5], [0, 2]], "b": []}')
    assert known_events(file, "a") == ((0, 2), (2, 5))
    assert known_events(file, "b") == known_events(file, "c") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("{", "not of the form"),
        ('{"a": [0, 2]}', "not of the form"),
        ('{"a": [[-1, 2]]}', "not of the form"),
        ('{"a": [[0, 2], [1, 3]]}', "overlap"),
        ('{"a": [[2, 0]]}', "overlap"),
    ],
)
def test_what_is_no_list_of_events_is_named(text: str | None, said: str, tmp_path: Path) -> None:
    """A wrong file would end in a traceback, or silence the wrong frames."""
    file = tmp_path / "events.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        known_events(file, "a")
