"""Archives for the benchmarks' servers: what goes in, and that they pass their own check."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alref_local.datasets import Item
from alref_local.errors import ConfigError
from alref_local.handin import FORMS, check_archive, write_archive
from tests.cli.test_segment import call
from tests.evaluate.run_kit import perfect
from tests.handin.handin_kit import entries, evaluated


def untracked(item: Item, reference: str, frame: str) -> Any:
    """Nothing was ever found."""
    return None


@pytest.mark.parametrize("mask", [perfect, untracked])
@pytest.mark.parametrize(
    ("name", "split", "first", "count"),
    [
        ("ref-youtube-vos", "valid", "Annotations/0a1b/0/00000.png", 12),
        ("mevis", "valid", "3a4b5c/0/00000.png", 6),
        ("mevis", "valid_u", "3a4b5c/0/00000.png", 9),
        ("ref-davis17", "valid", "anno_0/blackswan/00000.png", 32),
    ],
)
def test_every_benchmark(name: str, split: str, first: str, count: int, mask: Any, tmp_path: Path) -> None:
    """A server would refuse what took a day, sentences without target among it, or score another video's masks."""
    run = evaluated(name, tmp_path / "data", tmp_path / "run", split, mask)
    found = write_archive(run, tmp_path / "out/a.zip", tmp_path / "data")
    assert found.problems == ()
    assert found.counts["masks"] == count
    written = entries(tmp_path / "out/a.zip")
    assert len(written) == count
    assert min(one for one, _ in written) == first
    assert check_archive(tmp_path / "out/a.zip", name, tmp_path / "data", split).problems == ()
    with Image.open(io.BytesIO(dict(written)[first])) as image:
        assert image.mode == ("P" if name == "ref-davis17" else "L")
        values = set(np.unique(np.asarray(image)).tolist())
    nothing = mask is untracked or (name, split) == ("mevis", "valid")  # of which no truth is published
    assert (values == {0}) == nothing
    assert not list(tmp_path.rglob("*.part"))


def test_pixels_are_those_of_the_run(tmp_path: Path) -> None:
    """The masks that are scored would not be the masks that were made."""
    run = evaluated("ref-youtube-vos", tmp_path / "data", tmp_path / "run", "valid")
    write_archive(run, tmp_path / "a.zip", tmp_path / "data")
    for name, data in entries(tmp_path / "a.zip"):
        _, video, sentence, frame = name.split("/")
        assert data == (run / "items" / video / "masks" / sentence / frame).read_bytes()


def test_the_same_masks_give_the_same_bytes(tmp_path: Path) -> None:
    """Nobody could tell whether two people handed in the same."""
    run = evaluated("ref-davis17", tmp_path / "data", tmp_path / "run", "valid")
    for name in ("a.zip", "b.zip"):
        write_archive(run, tmp_path / name, tmp_path / "data")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_what_is_not_complete_is_refused(tmp_path: Path) -> None:
    """A run of ten videos would be handed in as one of two hundred."""
    run = evaluated("ref-youtube-vos", tmp_path / "data", tmp_path / "run", "valid")
    shutil.rmtree(run / "items/ff00")
    with pytest.raises(ConfigError, match="lacks 1 of 2 videos: ff00"):
        write_archive(run, tmp_path / "a.zip", tmp_path / "data")
    assert not (tmp_path / "a.zip").exists()


def test_what_does_not_pass_is_not_written(tmp_path: Path) -> None:
    """An archive that the server refuses would lie there as if it were good."""
    run = evaluated("mevis", tmp_path / "data", tmp_path / "run", "valid")
    damaged = next(run.glob("items/*/masks/0/00000.png"))
    damaged.write_bytes(damaged.read_bytes()[:40])
    (tmp_path / "a.zip").write_bytes(b"an older one")
    found = write_archive(run, tmp_path / "a.zip", tmp_path / "data")
    assert len(found.problems) == 1
    assert (tmp_path / "a.zip").read_bytes() == b"an older one"


@pytest.mark.parametrize("content", [None, "{", "[]", '{"dataset": "avs-s4", "split": "test"}'])
def test_what_is_no_evaluation(content: str | None, tmp_path: Path) -> None:
    """A folder of another kind would end in a traceback."""
    if content is not None:
        (tmp_path / "result.json").write_text(content)
    with pytest.raises(ConfigError) as caught:
        write_archive(tmp_path, tmp_path / "a.zip", tmp_path)
    assert caught.value.hint


def test_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One could hand in from Python only."""
    data, target = tmp_path / "data", tmp_path / "a.zip"
    run = evaluated("mevis", data, tmp_path / "run", "valid")
    assert call("archive", "write", run, "-o", target, "--root", data) == 0
    assert "1 videos, 2 sentences, 6 masks; as the benchmark takes it." in capsys.readouterr().out
    check: list[str | Path] = ["archive", "check", target, "--dataset", "mevis", "--root", data, "--json"]
    assert call(*check) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
    target.write_bytes(b"x")
    assert call(*check) == 1
    assert json.loads(capsys.readouterr().out)["problems"] == ["a.zip is no zip file."]


def test_every_form_is_of_a_data_set_that_can_be_evaluated(tmp_path: Path) -> None:
    """An archive could be checked and never written."""
    assert set(FORMS) == {"ref-youtube-vos", "mevis", "ref-davis17"}
    with pytest.raises(ConfigError, match="no published form"):
        check_archive(tmp_path / "a.zip", "avs-s4", tmp_path)
