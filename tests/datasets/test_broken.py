"""Data sets with something wrong: what is said, in one sentence each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.datasets import check, load_items
from alref_local.datasets.source import AnnotationsError, Source, file_name
from alref_local.errors import ConfigError
from tests.datasets.miniatures import MINIATURES

Break = Callable[[Path], object]


def gone(*parts: str) -> Break:
    """Remove files or folders."""

    def act(root: Path) -> None:
        for part in parts:
            target = root / part
            assert target.exists(), part
            shutil.rmtree(target) if target.is_dir() else target.unlink()

    return act


def text(part: str, old: str, new: str, times: int = -1) -> Break:
    """Change a text file."""

    def act(root: Path) -> None:
        content = (root / part).read_text()
        assert old in content, old
        (root / part).write_text(content.replace(old, new, times))

    return act


def edited(part: str, *keys: str, value: Any) -> Break:
    """Set a value of a JSON file."""

    def act(root: Path) -> None:
        content = here = json.loads((root / part).read_text())
        for key in keys[:-1]:
            here = here[key]
        here[keys[-1]] = value
        (root / part).write_text(json.dumps(content))

    return act


def file_for_folder(part: str) -> Break:
    def act(root: Path) -> None:
        shutil.rmtree(root / part)
        (root / part).write_bytes(b"")

    return act


def another_frame(folder: str, name: str) -> Break:
    return lambda root: shutil.copy(next((root / folder).iterdir()), root / folder / name)


VALID = "meta_expressions/valid/meta_expressions.json"
SWAN = "valid/JPEGImages/blackswan"
TABLE: list[tuple[str, str, Break, str]] = [
    ("ref-youtube-vos", "", gone(VALID), f"{VALID} is missing."),
    (
        "ref-youtube-vos",
        "",
        gone("meta_expressions/test"),
        "meta_expressions/test/meta_expressions.json is missing.",
    ),
    ("ref-youtube-vos", "", text(VALID, "{", "", 1), f"{VALID} is damaged: Extra data: line 1 column 9"),
    (
        "ref-youtube-vos",
        "",
        edited(VALID, "videos", "0a1b", "expressions", "1", "exp", value=" "),
        f"{VALID}: videos, 0a1b, expressions, 1, exp: is empty.",
    ),
    (
        "ref-youtube-vos",
        "",
        edited(VALID, "videos", "0a1b", "expressions", value=["a"]),
        f"{VALID}: videos, 0a1b, expressions: is not an object.",
    ),
    (
        "ref-youtube-vos",
        "",
        edited(VALID, "videos", "0a1b", "frames", value="00000"),
        f"{VALID}: videos, 0a1b, frames: is not a list.",
    ),
    (
        "ref-youtube-vos",
        "",
        edited(VALID, "videos", "0a1b", value={"expressions": {}}),
        f"{VALID}: videos, 0a1b, frames: is missing.",
    ),
    (
        "ref-youtube-vos",
        "",
        edited(VALID, "videos", "../../up", value={"expressions": {}, "frames": []}),
        f"{VALID}: videos, ../../up, [key]: '../../up' cannot be the name of a file.",
    ),
    (
        "ref-youtube-vos",
        "",
        edited(VALID, "videos", "\x1b[31m\n" + "x" * 500, value=3),
        f"{VALID}: videos, ?[31m?xxx",
    ),
    ("ref-youtube-vos", "", edited(VALID, "videos", value={}), "holds no video of the split 'valid'."),
    ("ref-youtube-vos", "", gone("valid/JPEGImages/0a1b"), "valid/JPEGImages/0a1b is missing."),
    (
        "ref-youtube-vos",
        "",
        gone("valid/JPEGImages/0a1b/00005.jpg", "valid/JPEGImages/0a1b/00015.jpg"),
        "valid/JPEGImages/0a1b lacks 2 of 4 frames, first 00005.",
    ),
    (
        "ref-youtube-vos",
        "",
        another_frame("valid/JPEGImages/0a1b", "00001.jpg"),
        "valid/JPEGImages/0a1b holds 1 frame(s) more than the 4 that are listed.",
    ),
    (
        "ref-youtube-vos",
        "",
        file_for_folder("valid/JPEGImages/0a1b"),
        "valid/JPEGImages/0a1b is a file, not a folder of frames.",
    ),
    (
        "ref-youtube-vos",
        "",
        gone("valid/Annotations/0a1b/1"),
        "valid/Annotations/0a1b/1 lacks 4 of 4 masks, first 00000.png.",
    ),
    (
        "ref-davis17",
        "",
        edited(VALID, "videos", "dog", "expressions", "4", value={"exp": "a fifth"}),
        "dog has 5 sentences, but every object has one of each of 4 annotators.",
    ),
    (
        "ref-davis17",
        "",
        gone("valid/Annotations/dog/00003.png"),
        "valid/Annotations/dog lacks 1 of 4 masks, first 00003.png.",
    ),
    (
        "ref-davis17",
        "",
        gone(*(f"{SWAN}/{t:05}.jpg" for t in range(4))),
        f"{SWAN} holds no frames that can be read.",
    ),
    ("mevis", "", gone("valid_u/mask_dict.json"), "valid_u/mask_dict.json is missing."),
    (
        "mevis",
        "",
        edited("valid_u/mask_dict.json", "7", value=[None]),
        "mask_dict.json: 7, which sentence 0 of 3a4b5c means, has 1 masks for 3 frames.",
    ),
    (
        "mevis",
        "",
        edited("valid_u/mask_dict.json", "7", value=[{"size": [48], "counts": ""}] * 3),
        "valid_u/mask_dict.json: 7, 0, size, 1: is missing.",
    ),
    (
        "mevis",
        "",
        edited("valid_u/mask_dict.json", "7", value=[{"size": [48, 64], "counts": "5"}] * 3),
        "valid_u/mask_dict.json: 7, 0: is no mask of 64x48.",
    ),
    ("avs-s4", "", gone("s4_meta_data.csv"), "s4_meta_data.csv is missing."),
    (
        "avs-s4",
        "",
        text("s4_meta_data.csv", "category", "class"),
        "s4_meta_data.csv: line 2, category: is missing.",
    ),
    (
        "avs-s4",
        "",
        text("s4_meta_data.csv", "-0aB_10", "../x"),
        "s4_meta_data.csv: line 2, name: '../x' cannot be the name of a file.",
    ),
    (
        "avs-s4",
        "",
        gone("s4_data/audio_wav/test/cat/-0aB_10.wav"),
        "s4_data/audio_wav/test/cat/-0aB_10.wav is missing.",
    ),
    (
        "avs-ms3",
        "",
        gone("ms3_data/gt_masks/test/z9_2/z9_2_5.png"),
        "ms3_data/gt_masks/test/z9_2 lacks 1 of 5 masks, first z9_2_5.png.",
    ),
    ("avs-ms3", "", text("ms3_meta_data.csv", "z9_2", "xy_1"), "xy_1 is listed twice."),
    ("avs-avss", "", gone("label2idx.json"), "label2idx.json is missing."),
    (
        "avs-avss",
        "",
        text("metadata.csv", "v1m", "v3"),
        "metadata.csv: line 2, label: Input should be 'v1s', 'v1m' or 'v2'.",
    ),
    (
        "avs-avss",
        "",
        gone("v1m/abc_0_5000/frames/4.jpg"),
        "v1m/abc_0_5000/frames lacks 1 of 5 frames, first 4.",
    ),
    ("avs-v2-binary", "", gone("v2/def_0_10000/audio.wav"), "v2/def_0_10000/audio.wav is missing."),
    (
        "ref-avs",
        "",
        text("metadata.csv", "The block.", ""),
        "metadata.csv: line 3, exp: is empty.",
    ),
    (
        "ref-avs",
        "",
        text("metadata.csv", "zZz_0_10000_null_1", "zZz"),
        "metadata.csv: line 4: zZz is not VIDEO_CATEGORY_NUMBER.",
    ),
    ("ref-avs", "test_n", gone("media/zZz_0_10000"), "media/zZz_0_10000/frames is missing."),
    ("ref-avs", "test_x", lambda root: None, "holds no video of the split 'test_x'."),
    ("own", "", gone("dataset.csv"), "dataset.csv is missing."),
    ("own", "", gone("clips/yard"), "clips/yard is missing."),
    (
        "own",
        "",
        text("dataset.csv", '"', ""),
        "dataset.csv is damaged: line 2 has more values than there are columns.",
    ),
    ("own", "", text("dataset.csv", "video,", "film,"), "dataset.csv: line 2, video: is missing."),
    ("own", "", text("dataset.csv", ",sentence", ",text"), "dataset.csv: line 2, sentence: is missing."),
    (
        "own",
        "",
        text("dataset.csv", "the lower block", "x" * 1001),
        "dataset.csv: line 3, sentence: is longer than 1000 characters.",
    ),
    ("own", "", text("dataset.csv", "clips/yard", "clips/" + "庭" * 90), "line 4, video: '庭庭"),
    ("own", "", lambda root: (root / "dataset.csv").write_text(""), "holds no video of the split 'dataset'."),
    (
        "own",
        "",
        text("dataset.csv", "clips/yard", "clips/../../yard"),
        "dataset.csv: line 4, video: '..' cannot be the name of a file.",
    ),
    (
        "own",
        "",
        text("dataset.csv", "clips/yard", "/etc"),
        "dataset.csv: line 4, video: '' cannot be the name of a file.",
    ),
    ("own", "", text("dataset.csv", "truth/street", "../street"), "'..' cannot be the name of a file."),
    ("own", "", text("dataset.csv", ",first,", ",a/b,"), "line 2, id: 'a/b' cannot be the name of a file."),
    ("own", "", text("dataset.csv", ",first,", ",1,"), "1 of clips/street is listed twice."),
    (
        "own",
        "",
        text("dataset.csv", "clips/yard,,,,yard.wav", "clips/yard,,,,yard.wav\nclips/yard,,again,,other.wav"),
        "clips/yard is listed with 2 sounds, but a video has one.",
    ),
    ("own", "", text("dataset.csv", "truth/street", "lost"), "lost lacks 1 of 1 masks, first 00000.png."),
    ("own", "../../x", lambda root: None, "'..' cannot be the name of a file."),
    ("world", "no:such:thing", lambda root: None, "'no:such:thing' is not PRESET:SEED:CLIPS"),
]


@pytest.mark.parametrize(("name", "split", "act", "sentence"), TABLE, ids=[row[3][-50:] for row in TABLE])
def test_what_is_wrong_is_said(tmp_path: Path, name: str, split: str, act: Break, sentence: str) -> None:
    """A day's run would end at a file that could have been missed before it."""
    if name in MINIATURES:
        MINIATURES[name](tmp_path)
    act(tmp_path)
    problems = check(name, tmp_path, split).problems
    assert any(sentence in problem for problem in problems), problems
    for problem in problems:
        assert problem.isprintable()
        assert len(problem) < 400
        assert str(tmp_path) not in problem or "holds no video" in problem
        assert problem.endswith(".")


def test_every_problem_of_the_annotations_is_listed(tmp_path: Path) -> None:
    """People would mend one sentence, only to be told of the next."""
    MINIATURES["ref-youtube-vos"](tmp_path)
    for id in ("0", "1"):
        edited(VALID, "videos", "0a1b", "expressions", id, "exp", value=None)(tmp_path)
    assert len(check("ref-youtube-vos", tmp_path).problems) == 2
    with pytest.raises(AnnotationsError, match="And 1 more") as caught:
        load_items("ref-youtube-vos", tmp_path)
    assert "datasets check" in caught.value.hint


def test_an_unknown_data_set_is_one_sentence(tmp_path: Path) -> None:
    """A misspelt name would end in a traceback."""
    with pytest.raises(ConfigError, match="no data set 'davis'") as caught:
        load_items("davis", tmp_path)
    assert "ref-davis17" in caught.value.hint


@given(st.text(max_size=12))
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    """An annotation file from the internet could have any file read."""
    root = Path("/data/set")
    try:
        file_name(name)
    except ValueError:
        return
    path = Source(root).path("frames", name)
    assert path.parent == root / "frames"
    assert path.resolve().is_relative_to(root)
