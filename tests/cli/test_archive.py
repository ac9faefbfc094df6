"""`archive write` and `archive check` from the outside."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from alref_local.metrics.pngs import read_labels, read_mask
from tests.cli.kit import FAKES, call
from tests.datasets.miniatures import MINIATURES
from tests.handin.zip_kit import evaluated, read_zip, write_zip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "split", "entry", "source"),
    [
        ("mevis", "valid_u", "3a4b5c/2/00001.png", "3a4b5c/masks/2/00001.png"),
        ("ref-davis17", "valid", "anno_3/dog/00002.png", "dog/merged/anno_3/00002.png"),
    ],
)
def test_from_an_evaluation_to_its_archive(
    name: str, split: str, entry: str, source: str, tmp_path: Path
) -> None:
    """What an evaluation leaves could not be handed in."""
    root, run, out = tmp_path / "data", tmp_path / "run", tmp_path / "it.zip"
    MINIATURES[name](root)
    words: list[str | Path] = ["evaluate", name, "--root", root, "--run", run, "--split", split, *FAKES]
    assert call(*words, "--workers", "1") == 0
    assert call("archive", "write", run, "-o", out, "--root", root) == 0
    assert call("archive", "check", out, "--dataset", name, "--split", split, "--root", root, "--json") == 0
    read = read_labels if name == "ref-davis17" else read_mask
    with zipfile.ZipFile(out) as archive:
        extracted = Path(archive.extract(entry, tmp_path))
    mask = read(run / "items" / source)
    assert mask.any()
    assert (read(extracted) == mask).all()


def test_words_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person would not learn what is in the archive, or a script not find it."""
    run, root = evaluated("ref-davis17", tmp_path)
    out = tmp_path / "it.zip"
    assert call("archive", "write", run, "-o", out, "--root", root) == 0
    assert capsys.readouterr().out == (
        "The published split has 30 videos, this one 2.\n"
        f"{out}: 2 videos, 12 sentences, 32 masks; as the benchmark takes it.\n"
    )
    assert call("archive", "check", out, "--dataset", "ref-davis17", "--root", root, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["archive"], told["problems"], told["counts"]["masks"]) == (str(out), [], 32)


def test_broken_archives_exit_1_with_the_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script would upload what the server refuses, or the first reason scroll out of sight."""
    run, root = evaluated("ref-youtube-vos", tmp_path)
    out = tmp_path / "it.zip"
    assert call("archive", "write", run, "-o", out, "--root", root) == 0
    write_zip(out, read_zip(out) | {f"notes{n}.txt": b"" for n in range(30)})
    check: list[str | Path] = ["archive", "check", out, "--dataset", "ref-youtube-vos", "--root", root]
    capsys.readouterr()
    assert call(*check) == 1
    said = capsys.readouterr().out
    assert said.count("does not belong there.") == 20
    assert "And 10 more (--json lists all)." in said
    assert "as the benchmark takes it" not in said
    assert call(*check, "--json") == 1
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 30


def test_a_refused_archive_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People would look for a file that was never written."""
    run, root = evaluated("ref-youtube-vos", tmp_path)
    (run / "items/0a1b/masks/0/00000.png").write_bytes(b"spoilt")
    assert call("archive", "write", run, "-o", tmp_path / "it.zip", "--root", root) == 1
    said = capsys.readouterr()
    assert "it.zip is not written" in said.err
    assert "Annotations/0a1b/0/00000.png is no PNG picture." in said.out
    assert not (tmp_path / "it.zip").exists()
