"""The authors' replies as recorded replies of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alref_local.errors import ConfigError
from alref_local.reason.calls import read_calls
from alref_local.reproduce import Imported, import_replies
from tests.cli.kit import call

AUTHORS = Path(__file__).parents[2] / "../shared/data/official_avs_replies"


def authors(folder: Path, frames: dict[str, str], boxes: Any = None, events: Any = None) -> Path:
    """A folder in the authors' form that holds replies for MS3."""
    answers = folder / "gpt_results/ms3"
    answers.mkdir(parents=True)
    (answers / "cot_stage_1_outputs.json").write_text(json.dumps(frames))
    (answers / "cot_stage_2_outputs.json").write_text(json.dumps(boxes or {}))
    if events is not None:
        (folder / "audio_segment").mkdir()
        (folder / "audio_segment/ms3_audio_segment.json").write_text(json.dumps(events))
    return folder


def answered(run: Path) -> dict[tuple[str, str, str], list[str]]:
    """Answers by video, reference and step."""
    return {
        (call["address"]["item"], call["address"]["reference"], call["address"]["step"]): call["answer"]
        for call in read_calls(run)
    }


def test_one_answer_of_theirs_is_several_of_ours(tmp_path: Path) -> None:
    """A replay would ask a question that the authors' answers settle, or take the frame of another thing."""
    source = authors(
        tmp_path / "avs", {"a_1": "{'French horn': 2, 'dog': 5}", "b": "{}"}, {"a_1": {"dog": "3"}}
    )
    import_replies(source, tmp_path / "out")
    horn, dog = "sound-french-horn", "sound-dog"
    boxes = {("a_1", horn, "pivot_box"): ["1"], ("a_1", dog, "pivot_box"): ["3"]}
    assert answered(tmp_path / "out/paper/avs-ms3") == boxes | {
        ("a_1", "sound", "lbru"): ["french horn", "dog"],
        ("a_1", horn, "pivot_frame"): ["2"],
        ("a_1", dog, "pivot_frame"): ["5"],
        ("b", "sound", "lbru"): [],
    }
    assert answered(tmp_path / "out/released-like/avs-ms3") == boxes | {
        ("a_1", "sound", "lbru"): ["french horn: 2", "dog: 5"],
        ("b", "sound", "lbru"): [],
    }


def test_videos_are_named_as_an_evaluation_names_them(tmp_path: Path) -> None:
    """The replies of a video whose id cannot name a folder would not be found."""
    source = authors(tmp_path / "avs", {"-x": "{'dog': 1}"}, events={"-x": [[0, 1], [1, 5]]})
    import_replies(source, tmp_path / "out")
    ((item, _, _),) = {key[:1] * 3 for key in answered(tmp_path / "out/paper/avs-ms3")}
    assert item.startswith("x-")
    assert json.loads((tmp_path / "out/paper/avs-ms3/events.json").read_text()) == {item: [[0, 1], [1, 5]]}


@pytest.mark.parametrize(
    ("frames", "boxes", "said"),
    [
        ({"a": "{'dog': 'first'}"}, {}, "is not of the authors' form"),
        ({"a": "__import__('os').getcwd()"}, {}, "is not of the authors' form"),
        ({"a": "{'dog'"}, {}, "is not of the authors' form"),
        ({"a": "{'dog': 1}"}, {"a": {"cat": "1"}}, "is not of the authors' form"),
        ({"a": "{'dog': 1}"}, {"a": {"dog": "one"}}, "is not of the authors' form"),
        ({"a": {"dog": 1}}, {}, "cannot be used"),
        ({"a": "{'[dog]': 1}"}, {}, "cannot be the name of a thing"),
    ],
)
def test_other_forms(frames: Any, boxes: Any, said: str, tmp_path: Path) -> None:
    """A file of another kind would end in a traceback, be run as code, or be half imported without a word."""
    with pytest.raises(ConfigError, match=said):
        import_replies(authors(tmp_path / "avs", frames, boxes), tmp_path / "out")


def test_no_replies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The wrong folder would be imported as nothing."""
    assert call("import-replies", tmp_path, "-o", tmp_path / "out") == 2
    assert "There are no replies in" in capsys.readouterr().err


@pytest.mark.skipif(not AUTHORS.is_dir(), reason="no replies of the authors at ../shared/data")
def test_everything_that_the_authors_publish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The paper's tables of sound could not be repeated from its answers."""
    assert call("import-replies", AUTHORS, "-o", tmp_path, "--json") == 0
    assert [Imported(**one) for one in json.loads(capsys.readouterr().out)] == [
        Imported("avs-s4", 740, 0, 740, 0, 280, 0),
        Imported("avs-ms3", 64, 0, 101, 0, 46, 64),
        Imported("avs-v2-binary", 750, 3, 993, 25, 520, 750),
        Imported("avs-avss", 1554, 2, 1931, 39, 910, 1554),
    ]
    most = {"avs-s4": 5, "avs-ms3": 5, "avs-v2-binary": 10, "avs-avss": 10}
    for name, frames in most.items():
        places = [
            int(answer[0])
            for (_, _, step), answer in answered(tmp_path / "paper" / name).items()
            if step == "pivot_frame"
        ]
        assert set(places) == set(range(1, frames + 1))
