"""The words for what sounds."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path

import pytest

from alref_local.errors import ConfigError
from alref_local.reason.parse import parse
from alref_local.reason.question import NAME, AnswerSpec
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


ANSWERS = Path(__file__).parents[2].parent / "shared" / "data" / "official_avs_replies" / "gpt_results"


@pytest.mark.skipif(not ANSWERS.is_dir(), reason="no recorded answers at ../shared/data")
def test_what_gpt_4_said_of_real_sounds_can_be_said_here() -> None:
    """Names that a real model gave would be refused as malformed, or the closed list is not the benchmark's."""
    said = Counter(
        name
        for file in sorted(ANSWERS.glob("*/cot_stage_1_outputs.json"))
        for answer in json.loads(file.read_text()).values()
        for name in ast.literal_eval(answer)
    )
    assert len(said) > 80
    open_list = AnswerSpec((), "names", pattern=NAME)
    assert all(parse(json.dumps([name]), open_list) == (name.lower(),) for name in said)
    within = sum(count for name, count in said.items() if name in vocabulary("avsbench"))
    assert within / said.total() > 0.95
